//! Operators, their classes and families, casts, transforms and conversions.

use super::part::{FIRST_OF_USERS, OF_USERS, annotations, function, of_no_extension, owner};

pub(super) fn query() -> String {
    [operators(), classes(), families(), conversions()].join("\nUNION ALL\n")
}

fn operators() -> String {
    format!(
        "SELECT 'operator',
                format('%I.%s (%s, %s)', n.nspname, o.oprname,
                       CASE o.oprleft WHEN 0 THEN 'NONE' ELSE format_type(o.oprleft, NULL) END,
                       CASE o.oprright WHEN 0 THEN 'NONE' ELSE format_type(o.oprright, NULL) END),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'function', {function},
                    'commutator', nullif(o.oprcom, 0)::regoperator::text,
                    'negator', nullif(o.oprnegate, 0)::regoperator::text,
                    'restrict', {restrict},
                    'join', {join},
                    'hashes', o.oprcanhash,
                    'merges', o.oprcanmerge,
                    {owner}, {annotations})
         FROM pg_operator AS o JOIN pg_namespace AS n ON n.oid = o.oprnamespace
         WHERE {OF_USERS} AND {of_user}",
        function = function("o.oprcode"),
        restrict = function("o.oprrest"),
        join = function("o.oprjoin"),
        owner = owner("o.oprowner"),
        annotations = annotations("pg_operator", "o.oid"),
        of_user = of_no_extension("pg_operator", "o.oid"),
    )
}

fn classes() -> String {
    format!(
        "SELECT 'operator class', format('%I.%I using %I', n.nspname, s.opcname, m.amname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'family', (SELECT format('%I.%I', fn.nspname, f.opfname) FROM pg_opfamily AS f
                               JOIN pg_namespace AS fn ON fn.oid = f.opfnamespace WHERE f.oid = s.opcfamily),
                    'type', format_type(s.opcintype, NULL),
                    'default', s.opcdefault,
                    'storage', CASE WHEN s.opckeytype <> 0 THEN format_type(s.opckeytype, NULL) END,
                    'operators', {operators},
                    'functions', {functions},
                    {owner}, {annotations})
         FROM pg_opclass AS s
         JOIN pg_namespace AS n ON n.oid = s.opcnamespace
         JOIN pg_am AS m ON m.oid = s.opcmethod
         WHERE {OF_USERS} AND {of_user}",
        operators = members_operators(&format!("o.amopfamily = s.opcfamily AND {}", of_class("pg_amop", "o.oid", "s.oid"))),
        functions = members_functions(&format!("p.amprocfamily = s.opcfamily AND {}", of_class("pg_amproc", "p.oid", "s.oid"))),
        owner = owner("s.opcowner"),
        annotations = annotations("pg_opclass", "s.oid"),
        of_user = of_no_extension("pg_opclass", "s.oid"),
    )
}

/// Families with the members that belong to no class. A built-in family is listed where somebody added such members to it.
fn families() -> String {
    let loose_operators = format!(
        "o.amopfamily = f.oid AND o.oid >= {FIRST_OF_USERS} AND {}",
        of_no_class("pg_amop", "o.oid")
    );
    let loose_functions = format!(
        "p.amprocfamily = f.oid AND p.oid >= {FIRST_OF_USERS} AND {}",
        of_no_class("pg_amproc", "p.oid")
    );
    format!(
        "SELECT 'operator family', format('%I.%I using %I', n.nspname, f.opfname, m.amname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'operators', {operators},
                    'functions', {functions},
                    {owner}, {annotations})
         FROM pg_opfamily AS f
         JOIN pg_namespace AS n ON n.oid = f.opfnamespace
         JOIN pg_am AS m ON m.oid = f.opfmethod
         WHERE {of_user}
           AND ({OF_USERS} OR f.oid < {FIRST_OF_USERS} AND
                (EXISTS (SELECT FROM pg_amop AS o WHERE {loose_operators})
                 OR EXISTS (SELECT FROM pg_amproc AS p WHERE {loose_functions})))",
        operators = members_operators(&loose_operators),
        functions = members_functions(&loose_functions),
        owner = owner("f.opfowner"),
        annotations = annotations("pg_opfamily", "f.oid"),
        of_user = of_no_extension("pg_opfamily", "f.oid"),
    )
}

fn of_class(catalog: &str, oid: &str, class: &str) -> String {
    format!(
        "EXISTS (SELECT FROM pg_depend AS d WHERE d.classid = '{catalog}'::regclass AND d.objid = {oid}
                 AND d.refclassid = 'pg_opclass'::regclass AND d.refobjid = {class})"
    )
}

fn of_no_class(catalog: &str, oid: &str) -> String {
    format!("NOT {}", of_class(catalog, oid, "d.refobjid"))
}

/// As CREATE OPERATOR CLASS writes them: `1 = (integer, integer)`.
fn members_operators(condition: &str) -> String {
    format!(
        "(SELECT jsonb_agg(member ORDER BY member COLLATE \"C\") FROM (
              SELECT concat_ws(' ', o.amopstrategy, o.amopopr::regoperator,
                               'FOR ORDER BY ' || (SELECT format('%I.%I', sn.nspname, sf.opfname) FROM pg_opfamily AS sf
                                                   JOIN pg_namespace AS sn ON sn.oid = sf.opfnamespace
                                                   WHERE sf.oid = o.amopsortfamily)) AS member
              FROM pg_amop AS o WHERE {condition}) AS members)"
    )
}

fn members_functions(condition: &str) -> String {
    format!(
        "(SELECT jsonb_agg(member ORDER BY member COLLATE \"C\") FROM (
              SELECT format('%s (%s, %s) %s', p.amprocnum, format_type(p.amproclefttype, NULL),
                            format_type(p.amprocrighttype, NULL), p.amproc::oid::regprocedure) AS member
              FROM pg_amproc AS p WHERE {condition}) AS members)"
    )
}

fn conversions() -> String {
    format!(
        "SELECT 'cast', format('(%s as %s)', format_type(k.castsource, NULL), format_type(k.casttarget, NULL)),
                jsonb_build_object(
                    'method', CASE k.castmethod WHEN 'f' THEN 'function' WHEN 'b' THEN 'binary coercible'
                              WHEN 'i' THEN 'input and output' ELSE k.castmethod::text END,
                    'function', {cast_function},
                    'context', CASE k.castcontext WHEN 'e' THEN 'explicit' WHEN 'a' THEN 'assignment'
                               WHEN 'i' THEN 'implicit' ELSE k.castcontext::text END,
                    {cast_annotations})
         FROM pg_cast AS k
         WHERE k.oid >= {FIRST_OF_USERS} AND {cast_of_user}
           AND NOT EXISTS (SELECT FROM pg_depend AS d
                           WHERE d.classid = 'pg_cast'::regclass AND d.objid = k.oid AND d.deptype = 'i')
         UNION ALL
         SELECT 'transform', format('for %s language %I', format_type(t.trftype, NULL), l.lanname),
                jsonb_build_object('from sql', {from_sql}, 'to sql', {to_sql}, {transform_annotations})
         FROM pg_transform AS t JOIN pg_language AS l ON l.oid = t.trflang
         WHERE t.oid >= {FIRST_OF_USERS} AND {transform_of_user}
         UNION ALL
         SELECT 'conversion', format('%I.%I', n.nspname, v.conname),
                jsonb_build_object(
                    'schema', quote_ident(n.nspname),
                    'from', pg_encoding_to_char(v.conforencoding),
                    'to', pg_encoding_to_char(v.contoencoding),
                    'function', {conversion_function},
                    'default', v.condefault,
                    {conversion_owner}, {conversion_annotations})
         FROM pg_conversion AS v JOIN pg_namespace AS n ON n.oid = v.connamespace
         WHERE {OF_USERS} AND {conversion_of_user}",
        cast_function = function("k.castfunc"),
        cast_annotations = annotations("pg_cast", "k.oid"),
        cast_of_user = of_no_extension("pg_cast", "k.oid"),
        from_sql = function("t.trffromsql"),
        to_sql = function("t.trftosql"),
        transform_annotations = annotations("pg_transform", "t.oid"),
        transform_of_user = of_no_extension("pg_transform", "t.oid"),
        conversion_function = function("v.conproc"),
        conversion_owner = owner("v.conowner"),
        conversion_annotations = annotations("pg_conversion", "v.oid"),
        conversion_of_user = of_no_extension("pg_conversion", "v.oid"),
    )
}
