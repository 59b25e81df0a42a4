//! The columns of a table as a statement that makes a like one writes them.

use tokio_postgres::Client;

use super::{error::PostgresError, quote::qualified};

/// Name, type and collation of each column that holds rows' values, in order: what `CREATE TABLE` has between its
/// parentheses, without defaults and constraints.
pub async fn definitions(
    client: &Client,
    schema: &str,
    table: &str,
) -> Result<Vec<String>, PostgresError> {
    let name = qualified(schema, table);
    client
        .query_one(
            "SELECT ARRAY(
                SELECT pg_catalog.format('%I %s', attribute.attname,
                           pg_catalog.format_type(attribute.atttypid, attribute.atttypmod))
                       || coalesce((SELECT pg_catalog.format(' COLLATE %I.%I', namespace.nspname, c.collname)
                                    FROM pg_catalog.pg_collation AS c
                                    JOIN pg_catalog.pg_namespace AS namespace ON namespace.oid = c.collnamespace
                                    WHERE c.oid = attribute.attcollation
                                      AND attribute.attcollation <> t.typcollation), '')
                FROM pg_catalog.pg_attribute AS attribute
                JOIN pg_catalog.pg_type AS t ON t.oid = attribute.atttypid
                WHERE attribute.attrelid = $1::text::pg_catalog.regclass AND attribute.attnum > 0
                  AND NOT attribute.attisdropped AND attribute.attgenerated = ''
                ORDER BY attribute.attnum)",
            &[&name],
        )
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query(format!("read the columns of {name}")))
}
