//! The parts of SQL that the queries of all families share.
//!
//! Every query gives rows of kind, identity and properties (jsonb); a property that is NULL is left out.

/// Holds for the schemas (alias `n`) whose objects are looked at.
pub(super) const OF_USERS: &str =
    "n.nspname !~ '^pg_' AND n.nspname NOT IN ('information_schema', 'pgsteward')";

/// The first OID that initdb does not give out. For objects that are in no schema.
pub(super) const FIRST_OF_USERS: u32 = 16384;

/// Holds for objects that do not belong to an extension.
pub(super) fn of_no_extension(catalog: &str, oid: &str) -> String {
    format!(
        "NOT EXISTS (SELECT FROM pg_depend AS of_extension
                     WHERE of_extension.classid = '{catalog}'::regclass AND of_extension.objid = {oid}
                       AND of_extension.deptype = 'e')"
    )
}

/// The tables, views and their like (alias `c`, with schema `n`) of the given `relkind`s.
pub(super) fn relations(kinds: &str) -> String {
    format!(
        "(SELECT * FROM pg_class
          WHERE relkind = ANY ('{kinds}'::\"char\"[]) AND relpersistence <> 't' AND {}) AS c
         JOIN pg_namespace AS n ON n.oid = c.relnamespace AND {OF_USERS}",
        of_no_extension("pg_class", "pg_class.oid")
    )
}

/// The properties `comment` and `security labels` of an object, and its address as a detail.
pub(super) fn annotations(catalog: &str, oid: &str) -> String {
    annotations_of_part(catalog, oid, "0")
}

/// The same for a column.
pub(super) fn annotations_of_part(catalog: &str, oid: &str, part: &str) -> String {
    format!(
        "'@address', jsonb_build_array('{catalog}', {oid}::bigint, {part}),
         'comment', {},
         'security labels', (SELECT jsonb_object_agg(provider, label) FROM pg_seclabel
                             WHERE classoid = '{catalog}'::regclass AND objoid = {oid} AND objsubid = {part})",
        comment(catalog, oid, part)
    )
}

/// The comment on an object or on a part of it, as an expression.
pub(super) fn comment(catalog: &str, oid: &str, part: &str) -> String {
    format!(
        "(SELECT description FROM pg_description
          WHERE classoid = '{catalog}'::regclass AND objoid = {oid} AND objsubid = {part})"
    )
}

/// The property `owner`.
pub(super) fn owner(role: &str) -> String {
    format!("'owner', pg_get_userbyid({role})")
}

/// The property `acl`, e.g. `["=r/owner", "app=arw/owner"]`, sorted. An object on which nothing was granted or revoked
/// shows what that means, so that an explicit grant of the same is no difference. `letter` is that of `acldefault`.
pub(super) fn acl(letter: char, column: &str, role: &str) -> String {
    format!(
        "'acl', coalesce({}, '[]'), '@acl', to_jsonb({column}::text[]), '@default acl', coalesce({}, '[]')",
        sorted(&format!(
            "coalesce({column}, acldefault('{letter}', {role}))"
        )),
        sorted(&format!("acldefault('{letter}', {role})"))
    )
}

/// The array's elements as text, sorted; NULL when there are none.
pub(super) fn sorted(array: &str) -> String {
    format!(
        "(SELECT jsonb_agg(element::text ORDER BY element::text COLLATE \"C\") FROM unnest({array}) AS element)"
    )
}

/// The options of something foreign, sorted. Of a secret is shown only that it is there.
pub(super) fn foreign_options(array: &str) -> String {
    format!(
        "(SELECT jsonb_agg(shown ORDER BY shown COLLATE \"C\")
          FROM unnest({array}) AS option,
               regexp_replace(option, '^([^=]*(password|passwd|secret)[^=]*)=.*$', '\\1=(not shown)', 'i') AS shown)"
    )
}

/// The property `depends on extensions`, made by ALTER … DEPENDS ON EXTENSION.
pub(super) fn extensions(catalog: &str, oid: &str) -> String {
    format!(
        "'depends on extensions',
         (SELECT jsonb_agg(extname ORDER BY extname) FROM pg_depend JOIN pg_extension ON pg_extension.oid = refobjid
          WHERE classid = '{catalog}'::regclass AND objid = {oid}
            AND refclassid = 'pg_extension'::regclass AND deptype = 'x')"
    )
}

/// The types of an array of OIDs, e.g. `integer, public.money_amount`.
pub(super) fn type_names(oids: &str) -> String {
    format!(
        "coalesce((SELECT string_agg(format_type(argument, NULL), ', ' ORDER BY place)
                   FROM unnest({oids}) WITH ORDINALITY AS arguments (argument, place)), '')"
    )
}

/// A function by its OID; NULL for zero.
pub(super) fn function(oid: &str) -> String {
    format!("nullif({oid}::oid, 0)::regprocedure::text")
}

/// The property `origin` of a column or constraint: absent for what a table has of itself only.
pub(super) fn origin(local: &str, parents: &str) -> String {
    format!(
        "'origin', CASE WHEN {parents} > 0 AND {local} THEN 'local and inherited' WHEN {parents} > 0 THEN 'inherited' END"
    )
}

/// How far a trigger or rule fires, by the letter that the catalogs have for it.
pub(super) fn enabled(letter: &str) -> String {
    format!(
        "CASE {letter} WHEN 'O' THEN 'origin' WHEN 'D' THEN 'disabled'
                       WHEN 'R' THEN 'replica' WHEN 'A' THEN 'always' END"
    )
}
