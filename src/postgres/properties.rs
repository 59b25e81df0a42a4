//! What hangs on a database itself, beside its contents: owner, encoding, locale, settings, access list, limit, comment.
//!
//! A swap by rename loses all of it silently (lessons B6); so the new database is made with the live one's properties,
//! and made equal to it again just before the swap.

use tokio_postgres::{Client, GenericClient, Transaction};

use super::{
    error::PostgresError,
    quote::{identifier, literal},
    server,
};
use crate::model::{
    backup::{DatabaseGrant, DatabaseProperties, DatabaseSetting},
    failure::chain,
};

/// How long a change of a database waits for a lock, e.g. behind someone's open COMMENT ON DATABASE.
const LOCK_TIMEOUT: &str = "5s";

/// What a database is, beside its contents. An access list that was never changed is read as the one that it stands for.
pub async fn read(
    client: &impl GenericClient,
    name: &str,
) -> Result<DatabaseProperties, PostgresError> {
    let what = || PostgresError::query(format!("read the properties of database {name:?}"));
    let version = server::version_num(client).await?;
    let (locale, rules) = match version {
        170_000.. => ("datlocale", "daticurules"),
        160_000.. => ("daticulocale", "daticurules"),
        150_000.. => ("daticulocale", "NULL"),
        _ => ("NULL", "NULL"),
    };
    let provider = if version >= 150_000 {
        "datlocprovider"
    } else {
        "'c'"
    };
    let row = client
        .query_one(
            &format!(
                "SELECT pg_get_userbyid(datdba), pg_encoding_to_char(encoding), datcollate::text, datctype::text,
                        {provider}::\"char\"::text, {locale}::text, {rules}::text,
                        (SELECT spcname FROM pg_tablespace
                         WHERE oid = dattablespace
                           AND oid <> (SELECT dattablespace FROM pg_database WHERE datname = 'template0')),
                        datconnlimit, shobj_description(oid, 'pg_database')
                 FROM pg_database WHERE datname = $1"
            ),
            &[&name],
        )
        .await
        .map_err(what())?;
    let text = |index: usize| row.get::<_, Option<String>>(index).unwrap_or_default();
    Ok(DatabaseProperties {
        owner: text(0),
        encoding: text(1),
        collate: text(2),
        ctype: text(3),
        locale_provider: text(4),
        locale: row.get(5),
        icu_rules: row.get(6),
        tablespace: row.get(7),
        connection_limit: row.get(8),
        comment: row.get(9),
        settings: settings(client, name).await?,
        grants: grants(client, name).await?,
    })
}

async fn settings(
    client: &impl GenericClient,
    name: &str,
) -> Result<Vec<DatabaseSetting>, PostgresError> {
    let rows = client
        .query(
            "SELECT pg_get_userbyid(nullif(setting.setrole, 0)), split_part(entry, '=', 1),
                    substr(entry, strpos(entry, '=') + 1)
             FROM pg_db_role_setting AS setting
             JOIN pg_database AS database ON database.oid = setting.setdatabase,
                  unnest(setting.setconfig) AS entry
             WHERE database.datname = $1",
            &[&name],
        )
        .await
        .map_err(PostgresError::query(format!(
            "read the settings of database {name:?}"
        )))?;
    Ok(rows
        .iter()
        .map(|row| DatabaseSetting {
            role: row.get(0),
            name: row.get(1),
            value: row.get(2),
        })
        .collect())
}

/// What the owner gave comes first: others can give on only what they were given.
async fn grants(
    client: &impl GenericClient,
    name: &str,
) -> Result<Vec<DatabaseGrant>, PostgresError> {
    let rows = client
        .query(
            "SELECT CASE entry.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(entry.grantee) END,
                    entry.privilege_type, entry.is_grantable AND entry.grantee <> database.datdba,
                    pg_get_userbyid(entry.grantor)
             FROM pg_database AS database,
                  aclexplode(coalesce(database.datacl, acldefault('d', database.datdba))) AS entry
             WHERE database.datname = $1
             ORDER BY entry.grantor <> database.datdba",
            &[&name],
        )
        .await
        .map_err(PostgresError::query(format!(
            "read who may use database {name:?}"
        )))?;
    Ok(rows
        .iter()
        .map(|row| DatabaseGrant {
            grantee: row.get(0),
            privilege: row.get(1),
            grantable: row.get(2),
            grantor: row.get(3),
        })
        .collect())
}

/// These properties as this server can have them: without roles and a tablespace that it lacks, and with the session's own
/// role as the owner where it may not give the database to the one that is named.
pub async fn that_fits(
    client: &Client,
    mut properties: DatabaseProperties,
) -> Result<DatabaseProperties, PostgresError> {
    let row = client
        .query_one(
            "SELECT current_user::text, ARRAY(SELECT rolname::text FROM pg_roles),
                    ARRAY(SELECT rolname::text FROM pg_roles WHERE pg_has_role(oid, 'MEMBER')),
                    ARRAY(SELECT spcname::text FROM pg_tablespace)",
            &[],
        )
        .await
        .map_err(PostgresError::query("list roles and tablespaces"))?;
    let (own, roles, reachable, tablespaces): (String, Vec<String>, Vec<String>, Vec<String>) =
        (row.get(0), row.get(1), row.get(2), row.get(3));
    if !reachable.contains(&properties.owner) {
        for grant in &mut properties.grants {
            if grant.grantor == properties.owner {
                grant.grantor.clone_from(&own);
            }
        }
        properties.owner = own;
    }
    properties
        .tablespace
        .take_if(|tablespace| !tablespaces.contains(tablespace));
    properties.grants.retain(|grant| {
        roles.contains(&grant.grantor)
            && grant
                .grantee
                .as_ref()
                .is_none_or(|role| roles.contains(role))
    });
    properties.settings.retain(|setting| {
        setting
            .role
            .as_ref()
            .is_none_or(|role| roles.contains(role))
    });
    Ok(properties)
}

/// Gives database `target` what these properties say of settings, access list, connection limit and comment, as far as the
/// session's role may; gives what was refused.
pub async fn apply_as_far_as_possible(
    client: &Client,
    properties: &DatabaseProperties,
    target: &str,
) -> Result<Vec<String>, PostgresError> {
    let present = grants(client, target).await?;
    let mut refused = Vec::new();
    for deed in changes(properties, &present, target) {
        // One transaction each, for what is granted as another role.
        let done = client
            .batch_execute(&deed.join("; "))
            .await
            .map_err(PostgresError::query(format!(
                "carry over what hangs on the database to {target:?}"
            )));
        match done {
            Ok(()) => {}
            Err(error) if error.server_report().is_some() => refused.push(chain(&error)),
            Err(error) => return Err(error),
        }
    }
    Ok(refused)
}

/// Makes an empty database with the owner, encoding, locale, collation provider and tablespace of these properties. Nobody
/// but its owner may connect to it.
pub async fn create(
    client: &Client,
    properties: &DatabaseProperties,
    name: &str,
) -> Result<(), PostgresError> {
    let what = || PostgresError::query(format!("create database {name:?}"));
    let version = server::version_num(client).await?;
    let mut statement = format!(
        "CREATE DATABASE {} TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {}",
        identifier(name),
        identifier(&properties.owner),
        literal(&properties.encoding),
        literal(&properties.collate),
        literal(&properties.ctype),
    );
    // The tablespace of template0 is taken without being named, and naming it would need a privilege on it.
    if let Some(tablespace) = &properties.tablespace {
        statement.extend([" TABLESPACE ".to_owned(), identifier(tablespace)]);
    }
    let named = |clause: &str, value: &Option<String>| {
        value
            .as_ref()
            .map_or_else(String::new, |value| format!(" {clause} {}", literal(value)))
    };
    // The provider is named, since the copy would have the template's otherwise.
    let provider = match properties.locale_provider.as_str() {
        "i" => {
            let rules = named("ICU_RULES", &properties.icu_rules);
            format!(
                " LOCALE_PROVIDER icu{}{rules}",
                named("ICU_LOCALE", &properties.locale)
            )
        }
        "b" => format!(
            " LOCALE_PROVIDER builtin{}",
            named("BUILTIN_LOCALE", &properties.locale)
        ),
        _ if version >= 150_000 => " LOCALE_PROVIDER libc".to_owned(),
        _ => String::new(),
    };
    statement.push_str(&provider);
    client.batch_execute(&statement).await.map_err(what())?;
    let closed = format!("REVOKE ALL ON DATABASE {} FROM PUBLIC", identifier(name));
    client.batch_execute(&closed).await.map_err(what())
}

/// Makes what hangs on database `target` equal to what hangs on `model`: settings, settings of roles in it, access list,
/// connection limit, comment. No statement of the transaction, also none that follows, waits for a lock longer than 5 s.
pub async fn carry_over(
    transaction: &Transaction<'_>,
    model: &str,
    target: &str,
) -> Result<(), PostgresError> {
    let properties = read(transaction, model).await?;
    apply(transaction, &properties, target).await
}

/// Gives database `target` the settings, access list, connection limit and comment of these properties.
pub async fn apply(
    transaction: &Transaction<'_>,
    properties: &DatabaseProperties,
    target: &str,
) -> Result<(), PostgresError> {
    let present = grants(transaction, target).await?;
    let wait = format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'");
    let changes = changes(properties, &present, target);
    for statement in std::iter::once(wait).chain(changes.into_iter().flatten()) {
        transaction
            .batch_execute(&statement)
            .await
            .map_err(PostgresError::query(format!(
                "carry over what hangs on the database to {target:?}"
            )))?;
    }
    Ok(())
}

/// The changes, each of some statements that belong together.
fn changes(
    properties: &DatabaseProperties,
    present: &[DatabaseGrant],
    target: &str,
) -> Vec<Vec<String>> {
    let name = identifier(target);
    let mut changes = vec![vec![format!("ALTER DATABASE {name} RESET ALL")]];
    let settings = properties.settings.iter();
    changes.extend(settings.map(|setting| vec![set(setting, &name)]));
    changes.push(revokes(present, &name));
    let grants = properties.grants.iter();
    changes.extend(grants.map(|grant| give(grant, &properties.owner, &name)));
    changes.push(vec![format!(
        "ALTER DATABASE {name} CONNECTION LIMIT {}",
        properties.connection_limit
    )]);
    let comment = properties
        .comment
        .as_deref()
        .map_or_else(|| "NULL".to_owned(), literal);
    changes.push(vec![format!("COMMENT ON DATABASE {name} IS {comment}")]);
    changes
}

/// Tries whether all that hangs on a database can be written: it is written once more as it is, and rolled back.
pub async fn rehearse(client: &mut Client, database: &str) -> Result<(), PostgresError> {
    let what = || PostgresError::query(format!("carry over what hangs on database {database:?}"));
    let transaction = client.transaction().await.map_err(what())?;
    carry_over(&transaction, database, database).await?;
    transaction.rollback().await.map_err(what())
}

/// `ALTER DATABASE … SET` or `ALTER ROLE … IN DATABASE … SET`.
fn set(setting: &DatabaseSetting, database: &str) -> String {
    let assignment = assignment(&setting.name, &setting.value);
    match &setting.role {
        None => format!("ALTER DATABASE {database} SET {assignment}"),
        Some(role) => format!(
            "ALTER ROLE {} IN DATABASE {database} SET {assignment}",
            identifier(role)
        ),
    }
}

/// What SET wants of a stored setting. A list is written element by element: any role may set its own settings, so that
/// nothing that is stored may be taken for SQL.
pub fn assignment(name: &str, value: &str) -> String {
    let value = if LIST_SETTINGS.contains(&name) {
        list(value)
    } else {
        literal(value)
    };
    format!("{} TO {value}", setting_name(name))
}

/// Settings whose stored value is a list of quoted names (GUC_LIST_QUOTE in PostgreSQL's guc tables; pg_dump's
/// `variable_is_guc_list_quote` names the same ones).
const LIST_SETTINGS: &[&str] = &[
    "local_preload_libraries",
    "search_path",
    "session_preload_libraries",
    "shared_preload_libraries",
    "temp_tablespaces",
    "unix_socket_directories",
];

/// A stored list of names as literals, one for each element. Elements are split as PostgreSQL's SplitGUCList does: each is
/// quoted or reaches up to the next comma. What is not of that form is one literal, which the server then judges.
fn list(stored: &str) -> String {
    let mut elements = Vec::new();
    let mut rest = stored.trim_start();
    while !rest.is_empty() {
        let (element, after) = if let Some(quoted) = rest.strip_prefix('"') {
            let Some(end) = closing_quote(quoted) else {
                return literal(stored);
            };
            (quoted[..end].replace("\"\"", "\""), &quoted[end + 1..])
        } else {
            let end = rest.find(',').unwrap_or(rest.len());
            (rest[..end].trim_end().to_owned(), &rest[end..])
        };
        elements.push(literal(&element));
        let after = after.trim_start();
        rest = match after.strip_prefix(',') {
            Some(next) => next.trim_start(),
            None if after.is_empty() => after,
            None => return literal(stored),
        };
    }
    if elements.is_empty() {
        return literal("");
    }
    elements.join(", ")
}

/// Where a quoted name ends; two quotes in a row stand for one.
fn closing_quote(text: &str) -> Option<usize> {
    let mut from = 0;
    loop {
        let at = from + text[from..].find('"')?;
        if !text[at + 1..].starts_with('"') {
            return Some(at);
        }
        from = at + 2;
    }
}

/// A setting's name; extensions' settings have a dot, which is no part of an identifier.
fn setting_name(key: &str) -> String {
    key.split('.').map(identifier).collect::<Vec<_>>().join(".")
}

fn grantee(role: Option<&String>) -> String {
    role.map_or_else(|| "PUBLIC".to_owned(), |role| identifier(role))
}

/// Takes everything from all who have something.
fn revokes(present: &[DatabaseGrant], database: &str) -> Vec<String> {
    let mut statements: Vec<String> = present
        .iter()
        .map(|grant| {
            format!(
                "REVOKE ALL ON DATABASE {database} FROM {} CASCADE",
                grantee(grant.grantee.as_ref())
            )
        })
        .collect();
    statements.dedup();
    statements
}

/// Gives one privilege, as who gave it.
fn give(grant: &DatabaseGrant, owner: &str, database: &str) -> Vec<String> {
    let option = if grant.grantable {
        " WITH GRANT OPTION"
    } else {
        ""
    };
    let statement = format!(
        "GRANT {} ON DATABASE {database} TO {}{option}",
        grant.privilege,
        grantee(grant.grantee.as_ref())
    );
    if grant.grantor == owner {
        return vec![statement];
    }
    vec![
        format!("SET LOCAL ROLE {}", identifier(&grant.grantor)),
        statement,
        "RESET ROLE".to_owned(),
    ]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_stored_list_is_written_back_element_by_element() {
        for (stored, written) in [
            ("public", "E'public'"),
            ("\"$user\", public", "E'$user', E'public'"),
            ("\"a,b\",\"c\"\"d\"", "E'a,b', E'c\"d'"),
            ("\"\"", "E''"),
            ("", "E''"),
        ] {
            assert_eq!(list(stored), written, "{stored}");
        }
    }

    #[test]
    fn a_stored_list_cannot_become_sql() {
        for hostile in [
            "public;ALTER/**/ROLE/**/app/**/CREATEROLE",
            "\"public; DROP DATABASE app",
            "\"a\" ; DROP DATABASE app",
            "a', 'b'; DROP DATABASE app; --",
        ] {
            let written = list(hostile);
            // Backslashes are doubled, so that every other quote ends a literal.
            let outside: String = written.split('\'').step_by(2).collect();
            assert!(!outside.contains(';'), "{written}");
        }
    }
}
