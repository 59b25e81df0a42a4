//! Databases that operations make beside the managed ones. Their names hold the operation's id, so that none is ever taken
//! for another's.

use tokio_postgres::{Client, Config};
use uuid::Uuid;

use super::{access, error::PostgresError, quote::identifier};

/// What the names of all of them begin with.
const PREFIX: &str = "pgsteward_";

/// Whether a name is one that the daemon gives.
pub fn is_ours(name: &str) -> bool {
    name.starts_with(PREFIX)
}

/// The name of the database that a restore builds.
pub fn restore_name(operation: Uuid) -> String {
    format!("pgsteward_restore_{}", operation.simple())
}

/// The name of the database in which a plan is rehearsed, or the chain of revisions is built.
pub fn rehearsal_name(operation: Uuid) -> String {
    format!("pgsteward_rehearsal_{}", operation.simple())
}

/// The name of the database into which the declared schema is loaded.
pub fn models_name(operation: Uuid) -> String {
    format!("pgsteward_models_{}", operation.simple())
}

/// The name of the database in which a restore is rehearsed.
pub fn drill_name(operation: Uuid) -> String {
    format!("pgsteward_drill_{}", operation.simple())
}

/// The name under which a swap keeps the database that was live.
pub fn replaced_name(operation: Uuid) -> String {
    format!("pgsteward_replaced_{}", operation.simple())
}

/// Whether the server has a database of that name.
pub async fn exists(client: &Client, name: &str) -> Result<bool, PostgresError> {
    client
        .query_one(
            "SELECT EXISTS (SELECT FROM pg_database WHERE datname = $1)",
            &[&name],
        )
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query(format!("look for database {name:?}")))
}

/// Gives a database another name, ending the sessions in it first. Refused by the server when the name is taken.
pub async fn rename(client: &Client, from: &str, to: &str) -> Result<(), PostgresError> {
    access::end_all_sessions(client, &[from]).await?;
    client
        .batch_execute(&format!(
            "ALTER DATABASE {} RENAME TO {}",
            identifier(from),
            identifier(to)
        ))
        .await
        .map_err(PostgresError::query(format!("name the database {to:?}")))
}

/// Grants one privilege on a database; no role means all.
pub async fn grant(
    client: &Client,
    name: &str,
    privilege: &str,
    role: Option<&str>,
) -> Result<(), PostgresError> {
    let role = role.map_or_else(|| "PUBLIC".to_owned(), identifier);
    client
        .batch_execute(&format!(
            "GRANT {privilege} ON DATABASE {} TO {role}",
            identifier(name)
        ))
        .await
        .map_err(PostgresError::query(format!(
            "grant {privilege} on database {name:?}"
        )))
}

/// Lets a role into a database.
pub async fn let_in(client: &Client, name: &str, role: &str) -> Result<(), PostgresError> {
    client
        .batch_execute(&format!(
            "GRANT CONNECT ON DATABASE {} TO {}",
            identifier(name),
            identifier(role)
        ))
        .await
        .map_err(PostgresError::query(format!(
            "let role {role:?} into database {name:?}"
        )))
}

/// Drops a database if it exists, ending the sessions in it first.
pub async fn drop(client: &Client, name: &str) -> Result<(), PostgresError> {
    access::end_all_sessions(client, &[name]).await?;
    client
        .batch_execute(&format!("DROP DATABASE IF EXISTS {}", identifier(name)))
        .await
        .map_err(PostgresError::query(format!("drop database {name:?}")))
}

/// Lets every role do in a scratch database what it may do in `model`, but for connecting: that may the guest alone.
pub async fn grant_like(
    client: &Client,
    model: &str,
    name: &str,
    guest: &str,
) -> Result<(), PostgresError> {
    let what = || PostgresError::query(format!("grant on database {name:?} as on {model:?}"));
    let rows = client
        .query(
            "SELECT DISTINCT format('GRANT %s ON DATABASE %I TO %s', entry.privilege_type, $2::text,
                        CASE entry.grantee WHEN 0 THEN 'PUBLIC' ELSE quote_ident(pg_get_userbyid(entry.grantee)) END)
             FROM pg_database AS database,
                  aclexplode(coalesce(database.datacl, acldefault('d', database.datdba))) AS entry
             WHERE database.datname = $1 AND entry.privilege_type IN ('CREATE', 'TEMPORARY')",
            &[&model, &name],
        )
        .await
        .map_err(what())?;
    let mut statements: Vec<String> = rows.iter().map(|row| row.get(0)).collect();
    statements.push(format!(
        "GRANT CONNECT ON DATABASE {} TO {}",
        identifier(name),
        identifier(guest)
    ));
    client
        .batch_execute(&statements.join("; "))
        .await
        .map_err(what())
}

/// The login in another database, with the settings that the session's own database gives it: `ALTER DATABASE … SET` is
/// not copied with a schema, and scripts may rely on it. Commits do not wait for the disk: a crash takes the whole
/// database with it.
pub async fn login_with_settings(
    session: &Client,
    login: &Config,
    database: &str,
) -> Result<Config, PostgresError> {
    let rows = session
        .query(
            "SELECT name, setting FROM pg_settings
             WHERE source IN ('database', 'database user') AND context = 'user' ORDER BY name",
            &[],
        )
        .await
        .map_err(PostgresError::query("read the settings of the database"))?;
    let mut options = login.get_options().unwrap_or_default().to_owned();
    options.push_str(" -c synchronous_commit=off");
    for row in &rows {
        let (name, value): (&str, &str) = (row.get(0), row.get(1));
        options.push_str(" -c ");
        for letter in format!("{name}={value}").chars() {
            if letter.is_whitespace() || letter == '\\' {
                options.push('\\');
            }
            options.push(letter);
        }
    }
    let mut login = login.clone();
    login.dbname(database).options(options.trim());
    Ok(login)
}

/// What of a database's schema a scratch copy goes without, as dumps name it, e.g. `EXTENSION pg_stat_statements`: event
/// triggers, extensions and publications that only a superuser makes, unless something else there rests on them; and,
/// whoever asks, the daemon's own event triggers, and user mappings, without which no script reaches another server.
pub async fn not_copied(session: &Client) -> Result<Vec<String>, PostgresError> {
    let rows = session
        .query(
            "WITH asking AS (SELECT rolsuper AS super FROM pg_roles WHERE rolname = current_user)
             SELECT 'EVENT TRIGGER ' || quote_ident(evtname) FROM pg_event_trigger, asking
             WHERE NOT asking.super OR starts_with(evtname, 'pgsteward_')
             UNION ALL
             SELECT format('USER MAPPING FOR %I SERVER %I', usename, srvname) FROM pg_user_mappings
             UNION ALL
             SELECT 'PUBLICATION ' || quote_ident(pubname) FROM pg_publication, asking
             WHERE puballtables AND NOT asking.super
             UNION ALL
             SELECT 'EXTENSION ' || quote_ident(e.extname)
             FROM asking, pg_extension AS e
             JOIN pg_available_extension_versions AS v ON v.name = e.extname AND v.version = e.extversion
             WHERE NOT asking.super AND v.superuser AND NOT v.trusted AND NOT EXISTS (
                 SELECT FROM pg_depend AS member
                 JOIN pg_depend AS use ON use.refclassid = member.classid AND use.refobjid = member.objid
                      AND use.deptype IN ('n', 'a')
                 WHERE member.refclassid = 'pg_extension'::regclass AND member.refobjid = e.oid AND member.deptype = 'e'
                   AND NOT EXISTS (
                       SELECT FROM pg_depend AS own
                       LEFT JOIN pg_depend AS whole ON own.deptype = 'i' AND whole.classid = own.refclassid
                            AND whole.objid = own.refobjid AND whole.deptype = 'e'
                       WHERE own.classid = use.classid AND own.objid = use.objid
                         AND (own.deptype = 'e' OR whole.objid IS NOT NULL)))",
            &[],
        )
        .await
        .map_err(PostgresError::query("see what only a superuser can make"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// The database's extensions, each with its schema, as SQL writes their names; `plpgsql` is in every database.
pub async fn extensions(session: &Client) -> Result<Vec<(String, String)>, PostgresError> {
    let rows = session
        .query(
            "SELECT quote_ident(extname), quote_ident(nspname)
             FROM pg_extension JOIN pg_namespace ON pg_namespace.oid = extnamespace WHERE extname <> 'plpgsql'",
            &[],
        )
        .await
        .map_err(PostgresError::query("list the extensions"))?;
    Ok(rows.iter().map(|row| (row.get(0), row.get(1))).collect())
}

/// The database's extensions that the session's role may not create, as dumps name them, e.g. `EXTENSION postgis`.
pub async fn extensions_of_superusers(session: &Client) -> Result<Vec<String>, PostgresError> {
    let rows = session
        .query(
            "SELECT 'EXTENSION ' || quote_ident(e.extname)
             FROM pg_extension AS e
             JOIN pg_available_extension_versions AS v ON v.name = e.extname AND v.version = e.extversion
             WHERE v.superuser AND NOT v.trusted
               AND NOT (SELECT rolsuper FROM pg_roles WHERE rolname = current_user)",
            &[],
        )
        .await
        .map_err(PostgresError::query("list the extensions of superusers"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}
