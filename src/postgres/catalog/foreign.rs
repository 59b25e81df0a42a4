//! Foreign-data wrappers, foreign servers and user mappings. Foreign tables are with the other relations.

use super::part::{
    FIRST_OF_USERS, acl, annotations, foreign_options, function, of_no_extension, owner,
};

/// The options of user mappings are shown to few roles, and hold passwords: that a mapping exists is all that is compared.
pub(super) fn query() -> String {
    format!(
        "SELECT 'foreign-data wrapper', quote_ident(w.fdwname),
                jsonb_build_object('handler', {handler}, 'validator', {validator}, 'options', {wrapper_options},
                                   {wrapper_owner}, {wrapper_acl}, {wrapper_annotations})
         FROM pg_foreign_data_wrapper AS w WHERE w.oid >= {FIRST_OF_USERS} AND {wrapper_of_user}
         UNION ALL
         SELECT 'foreign server', quote_ident(s.srvname),
                jsonb_build_object(
                    'wrapper', (SELECT quote_ident(fdwname) FROM pg_foreign_data_wrapper WHERE oid = s.srvfdw),
                    'type', s.srvtype, 'version', s.srvversion, 'options', {server_options},
                    {server_owner}, {server_acl}, {server_annotations})
         FROM pg_foreign_server AS s WHERE s.oid >= {FIRST_OF_USERS} AND {server_of_user}
         UNION ALL
         SELECT 'user mapping',
                format('for %s at server %I', CASE m.umuser WHEN 0 THEN 'PUBLIC' ELSE quote_ident(m.usename) END, m.srvname),
                jsonb_build_object('@options', {mapping_options},
                                   '@address', jsonb_build_array('pg_user_mapping', m.umid::bigint, 0))
         FROM pg_user_mappings AS m WHERE {mapping_of_user}",
        handler = function("w.fdwhandler"),
        validator = function("w.fdwvalidator"),
        wrapper_options = foreign_options("w.fdwoptions"),
        wrapper_owner = owner("w.fdwowner"),
        wrapper_acl = acl('F', "w.fdwacl", "w.fdwowner"),
        wrapper_annotations = annotations("pg_foreign_data_wrapper", "w.oid"),
        wrapper_of_user = of_no_extension("pg_foreign_data_wrapper", "w.oid"),
        server_options = foreign_options("s.srvoptions"),
        server_owner = owner("s.srvowner"),
        server_acl = acl('S', "s.srvacl", "s.srvowner"),
        server_annotations = annotations("pg_foreign_server", "s.oid"),
        server_of_user = of_no_extension("pg_foreign_server", "s.oid"),
        mapping_options = foreign_options("m.umoptions"),
        mapping_of_user = of_no_extension("pg_user_mapping", "m.umid"),
    )
}
