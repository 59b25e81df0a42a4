//! What no other query looks at, so that nothing is passed over in silence.
//!
//! Two nets: kinds that this version does not know within the catalogs that it reads, and catalogs that it does not know.

use tokio_postgres::{GenericClient, Row};

use super::{
    WHAT,
    part::{FIRST_OF_USERS, OF_USERS},
};
use crate::postgres::error::PostgresError;

/// The catalogs of objects (those that have OIDs and are of one database, and subscriptions) that are read here, that are
/// part of objects of others, or, at the end, that are no schema. Those of PostgreSQL 13 to 18.
const KNOWN: &[&str] = &[
    "pg_am",
    "pg_amop",
    "pg_amproc",
    "pg_attrdef",
    "pg_cast",
    "pg_class",
    "pg_collation",
    "pg_constraint",
    "pg_conversion",
    "pg_default_acl",
    "pg_enum",
    "pg_event_trigger",
    "pg_extension",
    "pg_foreign_data_wrapper",
    "pg_foreign_server",
    "pg_language",
    "pg_namespace",
    "pg_opclass",
    "pg_operator",
    "pg_opfamily",
    "pg_policy",
    "pg_proc",
    "pg_publication",
    "pg_publication_namespace",
    "pg_publication_rel",
    "pg_rewrite",
    "pg_statistic_ext",
    "pg_transform",
    "pg_trigger",
    "pg_ts_config",
    "pg_ts_dict",
    "pg_ts_parser",
    "pg_ts_template",
    "pg_type",
    "pg_user_mapping",
    "pg_largeobject_metadata",
];

/// Objects of unknown kind in known catalogs. An unknown kind of function, constraint or cast is shown by its own query.
pub(super) fn query() -> String {
    format!(
        "SELECT 'unknown object', format('%I.%I in pg_class', n.nspname, c.relname),
                jsonb_build_object('schema', quote_ident(n.nspname), 'kind', c.relkind::text)
         FROM pg_class AS c JOIN pg_namespace AS n ON n.oid = c.relnamespace
         WHERE {OF_USERS} AND c.relkind <> ALL ('{{r,p,f,v,m,S,i,I,t,c}}'::\"char\"[])
         UNION ALL
         SELECT 'unknown object', format('%I.%I in pg_type', n.nspname, t.typname),
                jsonb_build_object('schema', quote_ident(n.nspname), 'kind', t.typtype::text)
         FROM pg_type AS t JOIN pg_namespace AS n ON n.oid = t.typnamespace
         WHERE {OF_USERS} AND t.typtype <> ALL ('{{b,c,d,e,m,p,r}}'::\"char\"[])"
    )
}

/// Objects in catalogs that came with a later version of PostgreSQL, by whatever name they have. Where the role may not look,
/// the catalog itself is named.
pub(super) async fn in_new_catalogs(
    client: &impl GenericClient,
) -> Result<Vec<Row>, PostgresError> {
    let known = KNOWN.join(",");
    let catalogs = client
        .query_typed(
            &format!(
                "SELECT format(
                     CASE WHEN has_table_privilege(c.oid, 'SELECT')
                          THEN 'SELECT ''unknown object'', format(''%%s in %s'', %s), ''{{}}''::jsonb FROM %1$I AS o WHERE oid >= {FIRST_OF_USERS}'
                          ELSE 'SELECT ''unknown object'', ''%s, which may not be read'', ''{{}}''::jsonb' END,
                     c.relname,
                     coalesce((SELECT quote_ident(a.attname) FROM pg_attribute AS a
                               WHERE a.attrelid = c.oid AND a.atttypid = 'name'::regtype ORDER BY a.attnum LIMIT 1), 'oid'))
                 FROM pg_class AS c
                 WHERE c.relnamespace = 'pg_catalog'::regnamespace AND c.relkind = 'r' AND NOT c.relisshared
                   AND c.relname <> ALL ('{{{known}}}'::name[])
                   AND EXISTS (SELECT FROM pg_attribute AS a WHERE a.attrelid = c.oid AND a.attname = 'oid')"
            ),
            &[],
        )
        .await
        .map_err(PostgresError::query(WHAT))?;
    let queries: Vec<&str> = catalogs.iter().map(|row| row.get(0)).collect();
    if queries.is_empty() {
        return Ok(Vec::new());
    }
    client
        .query_typed(&queries.join(" UNION ALL "), &[])
        .await
        .map_err(PostgresError::query(WHAT))
}
