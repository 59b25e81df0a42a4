//! Roles of a server: which there are, and the making of those that a backup tells of.

use std::collections::BTreeSet;

use tokio_postgres::Client;

use super::{
    error::PostgresError,
    properties::assignment,
    quote::{identifier, literal},
};
use crate::model::backup::RoleDefinition;

/// What only a superuser can give, in any version.
const OF_SUPERUSERS: &[&str] = &["SUPERUSER", "REPLICATION", "BYPASSRLS"];

/// The names of all roles.
pub async fn names(client: &Client) -> Result<Vec<String>, PostgresError> {
    client
        .query_one(
            "SELECT ARRAY(SELECT rolname::text FROM pg_catalog.pg_roles)",
            &[],
        )
        .await
        .map(|row| row.get(0))
        .map_err(PostgresError::query("list the roles"))
}

/// Creates roles with their attributes, memberships, settings and comments, in one transaction, and makes the session's
/// role a member of each, so that it can give them what is theirs. Memberships in roles that are not `known` are left out.
/// Gives what was withheld, since only a superuser can give it.
pub async fn create(
    client: &mut Client,
    wanted: &[&RoleDefinition],
    known: &BTreeSet<&str>,
) -> Result<Vec<String>, PostgresError> {
    let what = || PostgresError::query("create the roles that the backup refers to");
    let is_superuser: bool = client
        .query_one(
            "SELECT rolsuper FROM pg_catalog.pg_roles WHERE rolname = current_user",
            &[],
        )
        .await
        .map_err(what())?
        .get(0);
    let mut withheld = Vec::new();
    let mut statements = Vec::new();
    for role in wanted {
        let name = identifier(&role.name);
        let (kept, left): (Vec<&String>, Vec<&String>) = role
            .attributes
            .iter()
            .partition(|attribute| is_superuser || !OF_SUPERUSERS.contains(&attribute.as_str()));
        for attribute in left {
            withheld.push(format!(
                "role {name} was created without {attribute}, which only a superuser can give"
            ));
        }
        let attributes: Vec<&str> = kept.into_iter().map(String::as_str).collect();
        let password = role
            .password
            .as_deref()
            .map_or_else(String::new, |verifier| {
                format!(" PASSWORD {}", literal(verifier))
            });
        statements.push(format!(
            "CREATE ROLE {name} {}{password}",
            attributes.join(" ")
        ));
        for (setting, value) in &role.settings {
            let assignment = assignment(setting, value);
            statements.push(format!("ALTER ROLE {name} SET {assignment}"));
        }
        if let Some(comment) = &role.comment {
            statements.push(format!("COMMENT ON ROLE {name} IS {}", literal(comment)));
        }
        if !is_superuser {
            statements.push(format!("GRANT {name} TO CURRENT_USER"));
        }
    }
    for role in wanted {
        for membership in &role.member_of {
            if known.contains(membership.role.as_str()) {
                let option = if membership.admin {
                    " WITH ADMIN OPTION"
                } else {
                    ""
                };
                statements.push(format!(
                    "GRANT {} TO {}{option}",
                    identifier(&membership.role),
                    identifier(&role.name)
                ));
            }
        }
    }
    let transaction = client.transaction().await.map_err(what())?;
    for statement in statements {
        // A password's verifier must not come into a message.
        let said = statement
            .split(" PASSWORD ")
            .next()
            .unwrap_or_default()
            .to_owned();
        transaction
            .batch_execute(&statement)
            .await
            .map_err(PostgresError::query(format!("run {said}")))?;
    }
    transaction.commit().await.map_err(what())?;
    Ok(withheld)
}
