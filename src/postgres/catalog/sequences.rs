//! Sequences, those of identity and serial columns too, without their values.

use super::part::{acl, annotations, owner, relations};

pub(super) fn query() -> String {
    format!(
        "SELECT 'sequence', format('%I.%I', n.nspname, c.relname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'on', o.relation,
                    'owned by', o.relation || '.' || quote_ident(o.attname),
                    'identity', nullif(o.is_identity, false),
                    'type', format_type(q.seqtypid, NULL),
                    'start', q.seqstart,
                    'increment', q.seqincrement,
                    'min', q.seqmin,
                    'max', q.seqmax,
                    'cache', q.seqcache,
                    'cycle', q.seqcycle,
                    'persistence', CASE c.relpersistence WHEN 'u' THEN 'unlogged' ELSE 'permanent' END,
                    {owner}, {acl}, {annotations})
         FROM {relations}
         JOIN pg_sequence AS q ON q.seqrelid = c.oid
         LEFT JOIN (SELECT d.objid, format('%I.%I', tn.nspname, t.relname) AS relation, a.attname,
                           d.deptype = 'i' AS is_identity
                    FROM pg_depend AS d
                    JOIN pg_class AS t ON t.oid = d.refobjid
                    JOIN pg_namespace AS tn ON tn.oid = t.relnamespace
                    JOIN pg_attribute AS a ON a.attrelid = t.oid AND a.attnum = d.refobjsubid
                    WHERE d.classid = 'pg_class'::regclass AND d.refclassid = 'pg_class'::regclass
                      AND d.deptype IN ('a', 'i') AND d.refobjsubid > 0) AS o ON o.objid = c.oid",
        owner = owner("c.relowner"),
        acl = acl('s', "c.relacl", "c.relowner"),
        annotations = annotations("pg_class", "c.oid"),
        relations = relations("{S}"),
    )
}
