//! Columns of tables, foreign tables, views and materialized views.

use super::part::{annotations_of_part, foreign_options, origin, relations, sorted};

/// What follows from the type (storage, collation) is left out; the position is a detail, see [`super`].
pub(super) fn query(version: u32) -> String {
    let compression = match version {
        140_000.. => "CASE a.attcompression WHEN 'p' THEN 'pglz' WHEN 'l' THEN 'lz4' END",
        _ => "NULL::text",
    };
    format!(
        "SELECT 'column', format('%I.%I.%I', n.nspname, c.relname, a.attname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'on', format('%I.%I', n.nspname, c.relname),
                    '@position', a.attnum,
                    '@default storage', CASE t.typstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
                                                          WHEN 'm' THEN 'main' WHEN 'x' THEN 'extended' END,
                    'type', format_type(a.atttypid, a.atttypmod),
                    'collation', CASE WHEN a.attcollation <> t.typcollation THEN a.attcollation::regcollation::text END,
                    'not null', a.attnotnull,
                    'default', CASE WHEN a.attgenerated = '' THEN pg_get_expr(d.adbin, d.adrelid) END,
                    'generated', CASE WHEN a.attgenerated <> '' THEN pg_get_expr(d.adbin, d.adrelid) END,
                    'generated as', CASE a.attgenerated WHEN 's' THEN 'stored' WHEN 'v' THEN 'virtual' END,
                    'identity', CASE a.attidentity WHEN 'a' THEN 'always' WHEN 'd' THEN 'by default' END,
                    'storage', CASE WHEN a.attstorage <> t.typstorage THEN
                               CASE a.attstorage WHEN 'p' THEN 'plain' WHEN 'e' THEN 'external'
                                                 WHEN 'm' THEN 'main' WHEN 'x' THEN 'extended' END END,
                    'compression', {compression},
                    'statistics target', CASE WHEN a.attstattarget >= 0 THEN a.attstattarget END,
                    'options', {options},
                    'foreign options', {foreign_options},
                    'acl', {acl},
                    '@acl', to_jsonb(a.attacl::text[]),
                    {origin},
                    {annotations})
         FROM {relations}
         JOIN pg_attribute AS a ON a.attrelid = c.oid AND a.attnum > 0 AND NOT a.attisdropped
         JOIN pg_type AS t ON t.oid = a.atttypid
         LEFT JOIN pg_attrdef AS d ON d.adrelid = a.attrelid AND d.adnum = a.attnum",
        options = sorted("a.attoptions"),
        foreign_options = foreign_options("a.attfdwoptions"),
        acl = sorted("a.attacl"),
        origin = origin("a.attislocal", "a.attinhcount"),
        annotations = annotations_of_part("pg_class", "c.oid", "a.attnum"),
        relations = relations("{r,p,f,v,m}"),
    )
}
