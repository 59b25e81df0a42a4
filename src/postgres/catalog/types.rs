//! Enums, domains, ranges, composite and base types, and collations. The types that come with tables, the arrays, and the
//! multiranges are part of what they come with.

use super::part::{OF_USERS, acl, annotations, comment, function, of_no_extension, owner};

/// The order of a composite type's attributes is part of its meaning, unlike that of a table's columns: values are written
/// by it.
pub(super) fn query() -> String {
    format!(
        "SELECT type.kind, type.identity,
                type.own || jsonb_build_object('schema', type.schema, {owner}, {acl}, {annotations})
         FROM (SELECT t.oid, t.typowner, t.typacl, quote_ident(n.nspname) AS schema,
                      format('%I.%I', n.nspname, t.typname) AS identity,
                      CASE t.typtype WHEN 'e' THEN 'enum' WHEN 'd' THEN 'domain' WHEN 'r' THEN 'range'
                                     WHEN 'c' THEN 'composite type' ELSE 'base type' END AS kind,
                      CASE t.typtype WHEN 'e' THEN {enumeration} WHEN 'd' THEN {domain} WHEN 'r' THEN {range}
                                     WHEN 'c' THEN {composite} ELSE {base} END AS own
               FROM pg_type AS t
               JOIN pg_namespace AS n ON n.oid = t.typnamespace
               LEFT JOIN pg_class AS c ON c.oid = t.typrelid
               WHERE {OF_USERS} AND {type_of_user}
                 AND (t.typtype IN ('e', 'd', 'r') OR t.typtype = 'c' AND c.relkind = 'c'
                      OR t.typtype IN ('b', 'p') AND NOT EXISTS (SELECT FROM pg_type AS e WHERE e.typarray = t.oid))
              ) AS type
         UNION ALL
         SELECT 'collation', format('%I.%I', n.nspname, o.collname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'provider', CASE o.collprovider WHEN 'c' THEN 'libc' WHEN 'i' THEN 'icu' WHEN 'b' THEN 'builtin'
                                WHEN 'd' THEN 'default' ELSE o.collprovider::text END,
                    'deterministic', o.collisdeterministic,
                    'lc_collate', o.collcollate,
                    'lc_ctype', o.collctype,
                    'locale', coalesce(to_jsonb(o) ->> 'colllocale', to_jsonb(o) ->> 'colliculocale'),
                    'rules', to_jsonb(o) ->> 'collicurules',
                    {collation_owner}, {collation_annotations})
         FROM pg_collation AS o JOIN pg_namespace AS n ON n.oid = o.collnamespace
         WHERE {OF_USERS} AND {collation_of_user}",
        owner = owner("type.typowner"),
        acl = acl('T', "type.typacl", "type.typowner"),
        annotations = annotations("pg_type", "type.oid"),
        enumeration = "jsonb_build_object('labels', (SELECT jsonb_agg(enumlabel ORDER BY enumsortorder)
                                                     FROM pg_enum WHERE enumtypid = t.oid))",
        domain = DOMAIN,
        range = range(),
        composite = composite(),
        base = base(),
        type_of_user = of_no_extension("pg_type", "t.oid"),
        collation_owner = owner("o.collowner"),
        collation_annotations = annotations("pg_collation", "o.oid"),
        collation_of_user = of_no_extension("pg_collation", "o.oid"),
    )
}

const DOMAIN: &str = "jsonb_build_object(
    'type', format_type(t.typbasetype, t.typtypmod),
    'not null', t.typnotnull,
    'default', pg_get_expr(t.typdefaultbin, 0),
    'collation', (SELECT t.typcollation::regcollation::text FROM pg_type AS b
                  WHERE b.oid = t.typbasetype AND b.typcollation <> t.typcollation))";

fn range() -> String {
    format!(
        "(SELECT jsonb_build_object(
                     'subtype', format_type(r.rngsubtype, NULL),
                     'operator class', (SELECT format('%I.%I', k.nspname, s.opcname) FROM pg_opclass AS s
                                        JOIN pg_namespace AS k ON k.oid = s.opcnamespace WHERE s.oid = r.rngsubopc),
                     'collation', nullif(r.rngcollation, 0)::regcollation::text,
                     'canonical', {canonical},
                     'difference', {difference},
                     'multirange', (to_jsonb(r) ->> 'rngmultitypid')::oid::regtype::text)
          FROM pg_range AS r WHERE r.rngtypid = t.oid)",
        canonical = function("r.rngcanonical"),
        difference = function("r.rngsubdiff"),
    )
}

fn composite() -> String {
    format!(
        "(SELECT jsonb_build_object(
                     'attributes', coalesce(jsonb_agg(
                         concat_ws(' ', quote_ident(a.attname), format_type(a.atttypid, a.atttypmod),
                                   CASE WHEN a.attcollation <> b.typcollation
                                        THEN 'COLLATE ' || a.attcollation::regcollation END)
                         ORDER BY a.attnum), '[]'),
                     'attribute comments', jsonb_object_agg(a.attname, {comment})
                                           FILTER (WHERE {comment} IS NOT NULL))
          FROM pg_attribute AS a JOIN pg_type AS b ON b.oid = a.atttypid
          WHERE a.attrelid = t.typrelid AND a.attnum > 0 AND NOT a.attisdropped)",
        comment = comment("pg_class", "a.attrelid", "a.attnum"),
    )
}

/// A shell is a base type of which only the name is known.
fn base() -> String {
    format!(
        "CASE WHEN NOT t.typisdefined THEN jsonb_build_object('shell', true) ELSE
         jsonb_build_object(
             'input', {input}, 'output', {output}, 'receive', {receive}, 'send', {send},
             'typmod in', {typmod_in}, 'typmod out', {typmod_out}, 'analyze', {analyze},
             'subscript', nullif(to_jsonb(t) ->> 'typsubscript', '-'),
             'length', t.typlen, 'by value', t.typbyval, 'alignment', t.typalign::text, 'storage', t.typstorage::text,
             'category', t.typcategory::text, 'preferred', t.typispreferred, 'delimiter', t.typdelim::text,
             'element', CASE WHEN t.typelem <> 0 THEN format_type(t.typelem, NULL) END,
             'collatable', t.typcollation <> 0, 'default', t.typdefault) END",
        input = function("t.typinput"),
        output = function("t.typoutput"),
        receive = function("t.typreceive"),
        send = function("t.typsend"),
        typmod_in = function("t.typmodin"),
        typmod_out = function("t.typmodout"),
        analyze = function("t.typanalyze"),
    )
}
