//! Schemas, extensions, languages, access methods and default privileges: what stands around all other objects.

use super::part::{
    FIRST_OF_USERS, OF_USERS, acl, annotations, function, of_no_extension, owner, sorted,
};

/// An extension has no `owner` here: no statement can change it.
pub(super) fn query() -> String {
    format!(
        "SELECT 'schema', quote_ident(n.nspname), jsonb_build_object({schema_owner}, {schema_acl}, {schema_notes})
         FROM pg_namespace AS n WHERE {OF_USERS} AND {schema_of_user}
         UNION ALL
         SELECT 'extension', quote_ident(e.extname),
                jsonb_build_object('schema', quote_ident(n.nspname), 'version', e.extversion,
                   '@default version', (SELECT default_version FROM pg_available_extensions AS a WHERE a.name = e.extname),
                   '@updates', (SELECT jsonb_agg(u.target) FROM pg_extension_update_paths(e.extname) AS u
                                WHERE u.source = e.extversion AND u.path IS NOT NULL),
                   {extension_notes})
         FROM pg_extension AS e JOIN pg_namespace AS n ON n.oid = e.extnamespace
         UNION ALL
         SELECT 'language', quote_ident(l.lanname),
                jsonb_build_object('trusted', l.lanpltrusted, 'handler', {handler}, 'inline', {inline},
                                   'validator', {validator}, {language_owner}, {language_acl}, {language_notes})
         FROM pg_language AS l WHERE l.oid >= {FIRST_OF_USERS} AND {language_of_user}
         UNION ALL
         SELECT 'access method', quote_ident(m.amname),
                jsonb_build_object('type', CASE m.amtype WHEN 'i' THEN 'index' WHEN 't' THEN 'table' ELSE m.amtype::text END,
                                   'handler', {method_handler}, {method_notes})
         FROM pg_am AS m WHERE m.oid >= {FIRST_OF_USERS} AND {method_of_user}
         UNION ALL
         SELECT 'default privileges',
                format('for role %I%s on %s', pg_get_userbyid(d.defaclrole), ' in schema ' || quote_ident(n.nspname),
                       CASE d.defaclobjtype WHEN 'r' THEN 'tables' WHEN 'S' THEN 'sequences' WHEN 'f' THEN 'functions'
                            WHEN 'T' THEN 'types' WHEN 'n' THEN 'schemas' WHEN 'L' THEN 'large objects'
                            ELSE d.defaclobjtype::text END),
                jsonb_build_object('schema', quote_ident(n.nspname), 'acl', coalesce({default_acl}, '[]'),
                                   '@default acl', coalesce({built_in_acl}, '[]'))
         FROM pg_default_acl AS d LEFT JOIN pg_namespace AS n ON n.oid = d.defaclnamespace
         WHERE d.defaclnamespace = 0 OR {OF_USERS}",
        schema_owner = owner("n.nspowner"),
        schema_acl = acl('n', "n.nspacl", "n.nspowner"),
        schema_notes = annotations("pg_namespace", "n.oid"),
        schema_of_user = of_no_extension("pg_namespace", "n.oid"),
        extension_notes = annotations("pg_extension", "e.oid"),
        handler = function("l.lanplcallfoid"),
        inline = function("l.laninline"),
        validator = function("l.lanvalidator"),
        language_owner = owner("l.lanowner"),
        language_acl = acl('l', "l.lanacl", "l.lanowner"),
        language_notes = annotations("pg_language", "l.oid"),
        language_of_user = of_no_extension("pg_language", "l.oid"),
        method_handler = function("m.amhandler"),
        method_notes = annotations("pg_am", "m.oid"),
        method_of_user = of_no_extension("pg_am", "m.oid"),
        default_acl = sorted("d.defaclacl"),
        built_in_acl = sorted("acldefault(CASE d.defaclobjtype WHEN 'S' THEN 's' ELSE d.defaclobjtype END, d.defaclrole)"),
    )
}
