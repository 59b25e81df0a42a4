//! Who may connect to a database, and how everyone but the daemon's roles is kept out of it.
//!
//! CONNECT is taken by REVOKE, which the database's owner may do; `CONNECTION LIMIT 0` and `ALLOW_CONNECTIONS` have other
//! edges (lessons B5). Superusers pass every grant: they can be neither kept out nor ended without being one.

use std::collections::BTreeSet;

use tokio_postgres::{Client, GenericClient};

use super::{error::PostgresError, quote::identifier};
use crate::model::maintenance::{AccessChange, TakenGrant};

/// Whoever has changed the database's row and not committed makes a GRANT wait, for as long as they like.
const LOCK_TIMEOUT: &str = "SET LOCAL lock_timeout = '5s'";

/// What has to change so that only the daemon's roles may connect. Each grant that is to be taken stands after those that
/// its grantor's right rests on.
pub async fn plan(
    client: &Client,
    database: &str,
    daemon_roles: &[String],
) -> Result<AccessChange, PostgresError> {
    let rows = client
        .query(
            "SELECT pg_get_userbyid(entry.grantor), nullif(entry.grantee, 0)::regrole IS NULL,
                    pg_get_userbyid(entry.grantee), entry.is_grantable
             FROM pg_database AS database,
                  aclexplode(coalesce(database.datacl, acldefault('d', database.datdba))) AS entry
             WHERE database.datname = $1 AND entry.privilege_type = 'CONNECT'
             ORDER BY entry.grantor <> database.datdba",
            &[&database],
        )
        .await
        .map_err(PostgresError::query("read who may connect"))?;
    let owner = owner(client, database).await?;
    let grants: Vec<TakenGrant> = rows
        .iter()
        .map(|row| TakenGrant {
            grantor: row.get(0),
            grantee: (!row.get::<_, bool>(1)).then(|| row.get(2)),
            grantable: row.get(3),
        })
        .collect();
    // A daemon role keeps what it has from the owner; what it has from anyone else may rest on a grant that is taken.
    let (kept, taken): (Vec<_>, Vec<_>) = grants.into_iter().partition(|grant| {
        let is_daemon = matches!(&grant.grantee, Some(role) if daemon_roles.contains(role));
        is_daemon && grant.grantor == owner
    });
    let given = daemon_roles
        .iter()
        .filter(|role| {
            !kept
                .iter()
                .any(|grant| grant.grantee.as_ref() == Some(*role))
        })
        .cloned()
        .collect();
    Ok(AccessChange {
        taken: in_order(taken, &owner),
        given,
    })
}

/// Puts each grant after those to its grantor. The owner's right rests on no grant, and PostgreSQL allows no circles.
fn in_order(mut waiting: Vec<TakenGrant>, owner: &str) -> Vec<TakenGrant> {
    let mut ordered = Vec::with_capacity(waiting.len());
    while !waiting.is_empty() {
        let grantees: Vec<String> = waiting.iter().filter_map(|g| g.grantee.clone()).collect();
        let (ready, rest): (Vec<_>, Vec<_>) = waiting
            .into_iter()
            .partition(|grant| grant.grantor == owner || !grantees.contains(&grant.grantor));
        if ready.is_empty() {
            ordered.extend(rest);
            break;
        }
        ordered.extend(ready);
        waiting = rest;
    }
    ordered
}

async fn owner(client: &impl GenericClient, database: &str) -> Result<String, PostgresError> {
    client
        .query_one(
            "SELECT pg_get_userbyid(datdba) FROM pg_database WHERE datname = $1",
            &[&database],
        )
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query(format!(
            "read who owns database {database:?}"
        )))
}

/// Makes the change, in one transaction.
pub async fn close(
    client: &mut Client,
    database: &str,
    change: &AccessChange,
) -> Result<(), PostgresError> {
    let what = || PostgresError::query(format!("take CONNECT on database {database:?}"));
    let name = identifier(database);
    let transaction = client.transaction().await.map_err(what())?;
    transaction
        .batch_execute(LOCK_TIMEOUT)
        .await
        .map_err(what())?;
    let owner = owner(&transaction, database).await?;
    for role in &change.given {
        let statement = format!("GRANT CONNECT ON DATABASE {name} TO {}", identifier(role));
        transaction
            .batch_execute(&statement)
            .await
            .map_err(what())?;
    }
    // A REVOKE takes only what its own role has granted. What rests on a grant goes before it.
    for grant in change.taken.iter().rev() {
        let statement = format!("REVOKE CONNECT ON DATABASE {name} FROM {}", grantee(grant));
        transaction
            .batch_execute(&as_grantor(grant, &owner, &statement))
            .await
            .map_err(what())?;
    }
    transaction.commit().await.map_err(what())
}

/// Undoes the change, in one transaction. Roles that were dropped meanwhile get nothing back.
pub async fn open(
    client: &mut Client,
    database: &str,
    change: &AccessChange,
) -> Result<(), PostgresError> {
    let what = || PostgresError::query(format!("give CONNECT on database {database:?} back"));
    let name = identifier(database);
    let transaction = client.transaction().await.map_err(what())?;
    transaction
        .batch_execute(LOCK_TIMEOUT)
        .await
        .map_err(what())?;
    let owner = owner(&transaction, database).await?;
    let rows = transaction
        .query("SELECT rolname::text FROM pg_roles", &[])
        .await
        .map_err(what())?;
    let roles: BTreeSet<String> = rows.iter().map(|row| row.get(0)).collect();
    for grant in &change.taken {
        let grantee_stands = grant
            .grantee
            .as_ref()
            .is_none_or(|role| roles.contains(role));
        if !grantee_stands || !roles.contains(&grant.grantor) {
            tracing::warn!(
                database,
                ?grant,
                "a grant is not given back: its role was dropped"
            );
            continue;
        }
        let option = if grant.grantable && grant.grantee.as_ref() != Some(&owner) {
            " WITH GRANT OPTION"
        } else {
            ""
        };
        let statement = format!(
            "GRANT CONNECT ON DATABASE {name} TO {}{option}",
            grantee(grant)
        );
        transaction
            .batch_execute(&as_grantor(grant, &owner, &statement))
            .await
            .map_err(what())?;
    }
    for role in &change.given {
        let statement = format!(
            "REVOKE CONNECT ON DATABASE {name} FROM {}",
            identifier(role)
        );
        transaction
            .batch_execute(&statement)
            .await
            .map_err(what())?;
    }
    transaction.commit().await.map_err(what())
}

/// The statement as the grant's own grantor would run it, of whom the admin role must be a member.
fn as_grantor(grant: &TakenGrant, owner: &str, statement: &str) -> String {
    if grant.grantor == owner {
        return statement.to_owned();
    }
    let grantor = identifier(&grant.grantor);
    format!("SET LOCAL ROLE {grantor}; {statement}; RESET ROLE")
}

fn grantee(grant: &TakenGrant) -> String {
    grant
        .grantee
        .as_deref()
        .map_or_else(|| "PUBLIC".to_owned(), identifier)
}

/// Sessions in the database that are not the daemon's: of other roles, or of the daemon's roles but not by the daemon.
/// Without pg_read_all_stats the kind of another role's session is NULL: it counts, or everyone would seem to be gone.
pub(super) const OTHER_SESSIONS: &str = "
    FROM pg_stat_activity AS activity
    LEFT JOIN pg_roles AS role ON role.oid = activity.usesysid
    WHERE activity.datname = $1 AND coalesce(activity.backend_type, 'client backend') IN ('client backend', 'walsender')
      AND activity.pid <> pg_backend_pid()
      AND (activity.usename <> ALL($2) OR activity.application_name NOT LIKE 'pgsteward%')";

/// The sessions of superusers in the database, the daemon's own left out, each with what is needed to find it.
pub async fn superuser_sessions(
    client: &Client,
    database: &str,
) -> Result<Vec<String>, PostgresError> {
    let rows = client
        .query(
            "SELECT format('process %s of %s (%s)', activity.pid, activity.usename,
                           coalesce(nullif(activity.application_name, ''), 'no application name'))
             FROM pg_stat_activity AS activity JOIN pg_roles AS role ON role.oid = activity.usesysid
             WHERE activity.datname = $1 AND role.rolsuper AND activity.pid <> pg_backend_pid()
               AND coalesce(activity.application_name, '') NOT LIKE 'pgsteward%'
             ORDER BY activity.pid",
            &[&database],
        )
        .await
        .map_err(PostgresError::query("list the sessions of superusers"))?;
    Ok(rows.iter().map(|row| row.get(0)).collect())
}

/// Ends the sessions of others, but for superusers', and waits up to 5 s for each to be gone. Gives how many were ended.
pub async fn end_other_sessions(
    client: &Client,
    database: &str,
    daemon_roles: &[String],
) -> Result<u32, PostgresError> {
    let row = client
        .query_one(
            &format!(
                "SELECT count(*) FILTER (WHERE pg_terminate_backend(activity.pid, 5000))
                 {OTHER_SESSIONS} AND NOT coalesce(role.rolsuper, false)"
            ),
            &[&database, &daemon_roles],
        )
        .await
        .map_err(PostgresError::query("end the sessions of others"))?;
    Ok(u32::try_from(row.get::<_, i64>(0)).unwrap_or(u32::MAX))
}

/// Ends every session in the databases, the daemon's own included, but for those of superusers that are not the session's
/// own role. For the moment of a swap.
pub async fn end_all_sessions(client: &Client, databases: &[&str]) -> Result<(), PostgresError> {
    client
        .execute(
            "SELECT pg_terminate_backend(activity.pid, 5000)
             FROM pg_stat_activity AS activity
             LEFT JOIN pg_roles AS role ON role.oid = activity.usesysid
             WHERE activity.datname = ANY($1) AND coalesce(activity.backend_type, 'client backend') IN ('client backend', 'walsender')
               AND activity.pid <> pg_backend_pid()
               AND (NOT coalesce(role.rolsuper, false) OR activity.usename = current_user)",
            &[&databases],
        )
        .await
        .map(|_| ())
        .map_err(PostgresError::query("end the sessions of a database"))
}
