//! Reads a database's whole schema out of the system catalogs as [`Schema`] facts.
//!
//! One set-based query for each family of objects, all sent at once, gives rows of kind, identity and properties; the
//! files beside this one hold the queries. The catalogs are readable for every role, so that no privilege is needed. It is
//! used between the statements of open transactions too, and leaves the session's settings as it found them.
//!
//! Left out are system schemas and objects made at initdb, temporary objects, what belongs to an extension, the daemon's
//! own guard, the scope's version table, large objects, what hangs on the database as a whole, and accidents: OIDs, the
//! positions of columns (a column that was dropped and added again stands last, and no downgrade can move it), the values
//! of sequences, whether a materialized view is populated, statistics, collation versions.

mod columns;
mod constraints;
mod dependencies;
mod foreign;
mod functions;
mod indexes;
mod namespaces;
mod operators;
mod part;
mod relations;
mod replication;
mod sequences;
mod settings;
mod text_search;
mod triggers;
mod types;
mod unknown;

use std::collections::BTreeMap;

use futures_util::future::try_join_all;
use serde_json::Value;
use tokio_postgres::{Client, GenericClient, Row, error::SqlState};

use self::{dependencies::Addresses, settings::Settings};
use super::{error::PostgresError, versions::VersionTable};
use crate::model::{
    autogenerate::Facts,
    schema::{ObjectKey, ObjectKind, ObjectPattern, Properties, Schema},
};

const WHAT: &str = "read the schema";
/// How often a reading is begun anew when something was dropped under it.
const ATTEMPTS: usize = 5;
/// The property that every object of which PostgreSQL writes a whole statement has.
const DEFINITION: &str = "definition";
/// What the names of properties begin with that are no part of the schema, but needed to write it.
const DETAIL: &str = "@";
/// The detail that says where an object stands in the catalogs.
const ADDRESS: &str = "address";

/// Which objects of a database are its schema.
#[derive(Clone, Debug)]
pub struct Scope {
    /// The table that holds the schema version; it and what hangs on it are no part of the schema.
    pub version_table: VersionTable,
    /// What else is left aside.
    pub ignore: Vec<ObjectPattern>,
}

/// Reads the schema as the open transaction sees it. Outside a transaction it is an error.
///
/// All queries see one state only when the transaction is REPEATABLE READ or no other session changes the schema. The
/// writing out of views takes ACCESS SHARE locks on what they use, within the session's `lock_timeout`. After an error the
/// transaction can only be rolled back, which gives back the settings too.
pub async fn read(client: &impl GenericClient, scope: &Scope) -> Result<Schema, PostgresError> {
    Ok(facts(client, scope).await?.schema)
}

/// Reads the schema with what is needed to write it, as the open transaction sees it.
pub async fn facts(client: &impl GenericClient, scope: &Scope) -> Result<Facts, PostgresError> {
    let settings = Settings::fix(client, &scope.version_table).await?;
    let families = [
        settings::in_force(),
        dependencies::query(),
        namespaces::query(),
        relations::query(),
        columns::query(settings.version),
        constraints::query(settings.version),
        indexes::query(),
        sequences::query(),
        functions::query(),
        types::query(),
        triggers::query(),
        operators::query(),
        text_search::query(),
        foreign::query(),
        replication::publications(settings.version),
        replication::subscriptions(settings.version),
        unknown::query(),
    ];
    let answers = families.iter().map(|query| client.query_typed(query, &[]));
    let mut answers = try_join_all(answers)
        .await
        .map_err(PostgresError::query(WHAT))?
        .into_iter();
    settings::check_in_force(answers.next().as_deref())?;
    let edges = answers.next().unwrap_or_default();

    let mut objects = Objects::default();
    for row in answers.flatten() {
        objects.add(&row)?;
    }
    for row in unknown::in_new_catalogs(client).await? {
        objects.add(&row)?;
    }
    settings.give_back(client).await?;
    let mut facts = Facts {
        dependencies: dependencies::between(&edges, &objects.addresses)?,
        schema: objects.schema,
        details: objects.details,
        role: settings.role,
    };

    let version_table = ObjectKey {
        kind: ObjectKind::Table,
        identity: settings.version_table,
    };
    let objects = &mut facts.schema.objects;
    objects.retain(|key, properties| {
        let on = properties.get(crate::model::schema::ON);
        *key != version_table && on.and_then(Value::as_str) != Some(&version_table.identity)
    });
    facts.schema = facts.schema.without(&scope.ignore);
    facts.forget_what_is_left_out();
    Ok(facts)
}

/// Reads the schema in a snapshot of its own, on a connection that is in no transaction.
///
/// PostgreSQL writes out definitions by what is there now, not by the snapshot: when another session drops an object
/// meanwhile, the reading is begun anew, a few times. Where it changes an object instead, or drops what a definition names,
/// the facts can be of both states, so that whoever finds a difference should read once more before saying so.
///
/// When the reading is given up half-way, the connection stays in its transaction and must be dropped.
pub async fn read_in_snapshot(client: &Client, scope: &Scope) -> Result<Schema, PostgresError> {
    Ok(facts_in_snapshot(client, scope).await?.schema)
}

/// The same, with what is needed to write the schema.
pub async fn facts_in_snapshot(client: &Client, scope: &Scope) -> Result<Facts, PostgresError> {
    let mut attempt = 1;
    loop {
        client
            .batch_execute("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")
            .await
            .map_err(PostgresError::query(WHAT))?;
        let read = facts(client, scope).await;
        let end = if read.is_ok() { "COMMIT" } else { "ROLLBACK" };
        let ended = client.batch_execute(end).await;
        match read {
            Err(error) if attempt < ATTEMPTS && is_of_changes_meanwhile(&error) => attempt += 1,
            read => {
                ended.map_err(PostgresError::query(WHAT))?;
                return read;
            }
        }
    }
}

/// Whether the error is one of those with which PostgreSQL says that an object went away while it was looked at.
fn is_of_changes_meanwhile(error: &PostgresError) -> bool {
    let gone = [
        SqlState::INTERNAL_ERROR,
        SqlState::UNDEFINED_OBJECT,
        SqlState::UNDEFINED_TABLE,
        SqlState::UNDEFINED_COLUMN,
        SqlState::UNDEFINED_FUNCTION,
    ];
    matches!(error, PostgresError::Unexpected { .. }) || gone.iter().any(|state| error.is(state))
}

/// What the rows of the families add up to.
#[derive(Default)]
struct Objects {
    schema: Schema,
    details: BTreeMap<ObjectKey, Properties>,
    addresses: Addresses,
}

impl Objects {
    /// Adds an object from a row of kind, identity and properties.
    fn add(&mut self, row: &Row) -> Result<(), PostgresError> {
        let field = |error: tokio_postgres::Error| unexpected(error.to_string());
        let kind: &str = row.try_get(0).map_err(field)?;
        let kind = kind
            .parse()
            .map_err(|error| unexpected(format!("{error}")))?;
        let identity: String = row.try_get(1).map_err(field)?;
        let key = ObjectKey { kind, identity };
        let Value::Object(properties) = row.try_get(2).map_err(field)? else {
            return Err(unexpected(format!("{key} has no properties")));
        };
        if properties.get(DEFINITION).is_some_and(Value::is_null) {
            return Err(unexpected(format!("{key} was dropped meanwhile")));
        }
        let mut compared = Properties::new();
        let mut details = Properties::new();
        for (name, value) in properties {
            match name.strip_prefix(DETAIL) {
                _ if value.is_null() => {}
                Some(ADDRESS) => {
                    let address = serde_json::from_value(value)
                        .map_err(|error| unexpected(format!("the address of {key}: {error}")))?;
                    self.addresses.insert(address, key.clone());
                }
                Some(detail) => {
                    details.insert(detail.to_owned(), value);
                }
                None => {
                    compared.insert(name, value);
                }
            }
        }
        if self.schema.objects.contains_key(&key) {
            return Err(unexpected(format!("there are two of {key}")));
        }
        self.details.insert(key.clone(), details);
        self.schema.objects.insert(key, compared);
        Ok(())
    }
}

fn unexpected(detail: String) -> PostgresError {
    PostgresError::Unexpected {
        what: WHAT.to_owned(),
        detail,
    }
}
