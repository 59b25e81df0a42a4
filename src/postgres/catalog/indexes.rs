//! Indexes, and statistics objects. An index that serves a constraint is part of that constraint.

use super::part::{OF_USERS, annotations, extensions, of_no_extension, owner, relations, sorted};

pub(super) fn query() -> String {
    format!(
        "SELECT 'index', format('%I.%I', n.nspname, ic.relname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'on', format('%I.%I', n.nspname, c.relname),
                    'definition', pg_get_indexdef(i.indexrelid),
                    'partition of', (SELECT inhparent::regclass::text FROM pg_inherits WHERE inhrelid = i.indexrelid),
                    {facts},
                    {extensions},
                    {annotations})
         FROM {relations}
         JOIN pg_index AS i ON i.indrelid = c.oid
         JOIN pg_class AS ic ON ic.oid = i.indexrelid
         LEFT JOIN pg_tablespace AS s ON s.oid = ic.reltablespace
         WHERE NOT EXISTS (SELECT FROM pg_constraint AS k
                           WHERE k.conindid = i.indexrelid AND k.conrelid = i.indrelid AND k.contype IN ('p', 'u', 'x'))
         UNION ALL
         SELECT 'statistics object', format('%I.%I', n.nspname, x.stxname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'on', x.stxrelid::regclass::text,
                    'definition', pg_get_statisticsobjdef(x.oid),
                    'statistics target', CASE WHEN x.stxstattarget >= 0 THEN x.stxstattarget END,
                    {statistics_owner},
                    {statistics_annotations})
         FROM pg_statistic_ext AS x JOIN pg_namespace AS n ON n.oid = x.stxnamespace
         WHERE {OF_USERS} AND {statistics_of_user}",
        facts = facts(),
        extensions = extensions("pg_class", "i.indexrelid"),
        annotations = annotations("pg_class", "i.indexrelid"),
        relations = relations("{r,p,m}"),
        statistics_owner = owner("x.stxowner"),
        statistics_annotations = annotations("pg_statistic_ext", "x.oid"),
        statistics_of_user = of_no_extension("pg_statistic_ext", "x.oid"),
    )
}

/// What an index has beyond its definition: index `i`, its relation `ic`, its tablespace `s`. The statistics targets are
/// those of its expressions, by the number of the index's column.
pub(super) fn facts() -> String {
    format!(
        "'@index options', to_jsonb(ic.reloptions),
         'valid', i.indisvalid,
         'clustered', nullif(i.indisclustered, false),
         'replica identity', nullif(i.indisreplident, false),
         'tablespace', s.spcname,
         'index options', {options},
         'statistics targets', (SELECT jsonb_object_agg(e.attnum, e.attstattarget) FROM pg_attribute AS e
                                WHERE e.attrelid = i.indexrelid AND e.attstattarget >= 0)",
        options = sorted("ic.reloptions")
    )
}
