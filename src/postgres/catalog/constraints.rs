//! Constraints of tables and domains, with the indexes and the triggers that serve them.

use super::{
    indexes,
    part::{
        OF_USERS, annotations, comment, enabled, extensions, of_no_extension, origin, relations,
    },
};

/// What `pg_get_constraintdef` appends for states that are properties of their own here.
const STATES: &str = "( DEFERRABLE)?( INITIALLY DEFERRED)?( NOT ENFORCED)?( NOT VALID)?$";

/// A NOT NULL that is named as PostgreSQL names it, and is nothing special, is its column's `not null` only. Of foreign keys
/// that PostgreSQL makes for the partitions of the table they refer to, nothing is said: they are part of the one.
pub(super) fn query(version: u32) -> String {
    let enforced = match version {
        180_000.. => "CASE WHEN NOT k.conenforced THEN false END",
        _ => "NULL::boolean",
    };
    format!(
        "SELECT 'constraint', format('%I on %I.%I', k.conname, n.nspname, c.relname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'on', format('%I.%I', n.nspname, c.relname),
                    {common},
                    'deferrable', CASE WHEN k.condeferrable THEN
                                  CASE WHEN k.condeferred THEN 'initially deferred' ELSE 'initially immediate' END END,
                    'enforced', {enforced},
                    {origin},
                    'triggers not enabled', (
                        SELECT jsonb_object_agg(format('%s on %s', g.tgfoid::regproc, g.tgrelid::regclass), {enabled})
                        FROM pg_trigger AS g
                        WHERE g.tgconstraint = k.oid AND g.tgisinternal AND g.tgenabled <> 'O'),
                    '@columns', (SELECT jsonb_agg(quote_ident(attname)) FROM pg_attribute
                                 WHERE attrelid = c.oid AND attnum = ANY (k.conkey)),
                    '@references', k.confrelid::regclass::text,
                    '@index definition', pg_get_indexdef(i.indexrelid),
                    '@index of', (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = i.indexrelid),
                    {index_facts},
                    {index_extensions},
                    'index comment', {index_comment},
                    {annotations})
         FROM {relations}
         JOIN pg_constraint AS k ON k.conrelid = c.oid
         LEFT JOIN pg_index AS i ON i.indexrelid = k.conindid AND k.contype IN ('p', 'u', 'x')
         LEFT JOIN pg_class AS ic ON ic.oid = i.indexrelid
         LEFT JOIN pg_tablespace AS s ON s.oid = ic.reltablespace
         LEFT JOIN pg_constraint AS parent ON parent.oid = k.conparentid
         LEFT JOIN pg_attribute AS a ON k.contype = 'n' AND a.attrelid = c.oid AND a.attnum = k.conkey[1]
         WHERE k.contype <> 't' AND parent.conrelid IS DISTINCT FROM k.conrelid
           AND NOT (k.contype = 'n' AND k.convalidated AND NOT k.connoinherit
                    AND (NOT k.conislocal OR k.conname = format('%s_%s_not_null', c.relname, a.attname)))
         UNION ALL
         SELECT 'constraint', format('%I on domain %I.%I', k.conname, n.nspname, t.typname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'on', format('%I.%I', n.nspname, t.typname),
                    {common},
                    {annotations})
         FROM pg_constraint AS k
         JOIN pg_type AS t ON t.oid = k.contypid
         JOIN pg_namespace AS n ON n.oid = t.typnamespace
         WHERE {OF_USERS} AND {domain_of_user}
           AND NOT (k.contype = 'n' AND k.conname = format('%s_not_null', t.typname))",
        common = common(),
        origin = origin("k.conislocal", "k.coninhcount"),
        enabled = enabled("g.tgenabled"),
        index_facts = indexes::facts(),
        index_extensions = extensions("pg_class", "i.indexrelid"),
        index_comment = comment("pg_class", "i.indexrelid", "0"),
        annotations = annotations("pg_constraint", "k.oid"),
        relations = relations("{r,p,f}"),
        domain_of_user = of_no_extension("pg_type", "t.oid"),
    )
}

/// What constraints of tables and of domains have in common.
fn common() -> String {
    format!(
        "'type', CASE k.contype WHEN 'p' THEN 'primary key' WHEN 'u' THEN 'unique' WHEN 'f' THEN 'foreign key'
                 WHEN 'c' THEN 'check' WHEN 'x' THEN 'exclusion' WHEN 'n' THEN 'not null' ELSE k.contype::text END,
         'definition', regexp_replace(pg_get_constraintdef(k.oid), '{STATES}', ''),
         'validated', CASE WHEN k.contype IN ('c', 'f', 'n') THEN k.convalidated END"
    )
}
