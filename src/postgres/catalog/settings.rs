//! The settings by which PostgreSQL writes names, values and expressions out. While the schema is read they are the same for
//! everyone; afterwards they are what they were.

use tokio_postgres::{GenericClient, Row, types::Type};

use super::WHAT;
use crate::postgres::{error::PostgresError, versions::VersionTable};

/// No schema of a user's is searched, so that every name is written with its schema; and a temporary table that is named
/// like a catalog is not taken for it.
const SEARCH_PATH: &str = "pg_catalog, pg_temp";

/// Names and values, in pairs. Without `jit = off` the planner may compile the larger queries, which takes longer than they
/// do.
const FIXED: &[(&str, &str)] = &[
    ("search_path", SEARCH_PATH),
    ("quote_all_identifiers", "off"),
    ("DateStyle", "ISO, MDY"),
    ("IntervalStyle", "postgres"),
    ("TimeZone", "UTC"),
    ("extra_float_digits", "1"),
    ("bytea_output", "hex"),
    ("xmlbinary", "base64"),
    ("lc_monetary", "C"),
    ("jit", "off"),
];

/// What was found before the settings were fixed.
pub(super) struct Settings {
    /// `server_version_num`.
    pub version: u32,
    /// The version table's name as PostgreSQL writes it.
    pub version_table: String,
    /// The role whose objects new ones are.
    pub role: String,
    names: Vec<String>,
    values: Vec<String>,
}

impl Settings {
    /// Fixes the settings for the rest of the transaction, or until they are given back.
    pub(super) async fn fix(
        client: &impl GenericClient,
        version_table: &VersionTable,
    ) -> Result<Self, PostgresError> {
        let (names, values): (Vec<&str>, Vec<&str>) = FIXED.iter().copied().unzip();
        // The values are read first: set_config stands outside the subquery that reads them, which OFFSET keeps apart.
        let rows = client
            .query_typed(
                "SELECT name, before, pg_catalog.set_config(name, value, true),
                        pg_catalog.current_setting('server_version_num'), pg_catalog.format('%I.%I', $3, $4),
                        current_user::text
                 FROM (SELECT name, value, pg_catalog.current_setting(name) AS before
                       FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS fixed (name, value) OFFSET 0) AS found",
                &[
                    (&names, Type::TEXT_ARRAY),
                    (&values, Type::TEXT_ARRAY),
                    (&version_table.schema, Type::TEXT),
                    (&version_table.name, Type::TEXT),
                ],
            )
            .await
            .map_err(PostgresError::query(WHAT))?;
        let first = rows.first().ok_or_else(|| unexpected("no settings"))?;
        let version: &str = first.get(3);
        Ok(Self {
            version: version
                .parse()
                .map_err(|_| unexpected("server_version_num is no number"))?,
            version_table: first.get(4),
            role: first.get(5),
            names: rows.iter().map(|row| row.get(0)).collect(),
            values: rows.iter().map(|row| row.get(1)).collect(),
        })
    }

    /// Sets all back, for the rest of the transaction; at its end they are what they would have been without us.
    pub(super) async fn give_back(&self, client: &impl GenericClient) -> Result<(), PostgresError> {
        client
            .query_typed(
                "SELECT pg_catalog.set_config(name, value, true)
                 FROM ROWS FROM (pg_catalog.unnest($1), pg_catalog.unnest($2)) AS before (name, value)",
                &[
                    (&self.names, Type::TEXT_ARRAY),
                    (&self.values, Type::TEXT_ARRAY),
                ],
            )
            .await
            .map_err(PostgresError::query(WHAT))?;
        Ok(())
    }
}

/// Asks whether the settings still hold: outside a transaction they ended with the statement that made them.
pub(super) fn in_force() -> String {
    format!("SELECT pg_catalog.current_setting('search_path') = '{SEARCH_PATH}'")
}

/// Looks at the answer to [`in_force`].
pub(super) fn check_in_force(answer: Option<&[Row]>) -> Result<(), PostgresError> {
    match answer {
        Some([row]) if row.get(0) => Ok(()),
        _ => Err(unexpected("there is no open transaction")),
    }
}

fn unexpected(detail: &str) -> PostgresError {
    PostgresError::Unexpected {
        what: WHAT.to_owned(),
        detail: detail.to_owned(),
    }
}
