//! What hangs on a database itself, beside its contents: owner, encoding, locale, settings, access list, limit, comment.
//!
//! A swap by rename loses all of it silently (lessons B6); so the new database is made with the live one's properties,
//! and made equal to it again just before the swap.

use tokio_postgres::{Client, Transaction};

use super::{
    error::PostgresError,
    quote::{identifier, literal},
    server,
};

/// How long a change of a database waits for a lock, e.g. behind someone's open COMMENT ON DATABASE.
const LOCK_TIMEOUT: &str = "5s";

/// Makes an empty database like `model`: same owner, encoding, locale, collation provider and tablespace. Nobody but its
/// owner may connect to it.
pub async fn create_like(client: &Client, model: &str, name: &str) -> Result<(), PostgresError> {
    let what = || PostgresError::query(format!("create database {name:?} like {model:?}"));
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
                           AND oid <> (SELECT dattablespace FROM pg_database WHERE datname = 'template0'))
                 FROM pg_database WHERE datname = $1"
            ),
            &[&model],
        )
        .await
        .map_err(what())?;
    let text = |index: usize| row.get::<_, Option<String>>(index);
    let mut statement = format!(
        "CREATE DATABASE {} TEMPLATE template0 OWNER {} ENCODING {} LC_COLLATE {} LC_CTYPE {}",
        identifier(name),
        identifier(&text(0).unwrap_or_default()),
        literal(&text(1).unwrap_or_default()),
        literal(&text(2).unwrap_or_default()),
        literal(&text(3).unwrap_or_default()),
    );
    // The tablespace of template0 is taken without being named, and naming it would need a privilege on it.
    if let Some(tablespace) = text(7) {
        statement.extend([" TABLESPACE ".to_owned(), identifier(&tablespace)]);
    }
    let named = |clause: &str, index: usize| {
        text(index).map_or_else(String::new, |value| {
            format!(" {clause} {}", literal(&value))
        })
    };
    // The provider is named, since the copy would have the template's otherwise.
    let provider = match text(4).as_deref() {
        Some("i") => {
            let rules = named("ICU_RULES", 6);
            format!(" LOCALE_PROVIDER icu{}{rules}", named("ICU_LOCALE", 5))
        }
        Some("b") => format!(" LOCALE_PROVIDER builtin{}", named("BUILTIN_LOCALE", 5)),
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
    let wait = format!("SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'");
    let statements = differences(transaction, model, target).await?;
    for statement in std::iter::once(wait).chain(statements) {
        transaction
            .batch_execute(&statement)
            .await
            .map_err(PostgresError::query(format!(
                "carry over what hangs on database {model:?}"
            )))?;
    }
    Ok(())
}

async fn differences(
    client: &Transaction<'_>,
    model: &str,
    target: &str,
) -> Result<Vec<String>, PostgresError> {
    let name = identifier(target);
    let mut statements = vec![format!("ALTER DATABASE {name} RESET ALL")];
    statements.extend(settings(client, model, target).await?);
    statements.extend(grants(client, model, target).await?);
    let row = client
        .query_one(
            "SELECT datconnlimit, shobj_description(oid, 'pg_database') FROM pg_database WHERE datname = $1",
            &[&model],
        )
        .await
        .map_err(PostgresError::query(format!("read database {model:?}")))?;
    statements.push(format!(
        "ALTER DATABASE {name} CONNECTION LIMIT {}",
        row.get::<_, i32>(0)
    ));
    let comment: Option<String> = row.get(1);
    let comment = comment
        .as_deref()
        .map_or_else(|| "NULL".to_owned(), literal);
    statements.push(format!("COMMENT ON DATABASE {name} IS {comment}"));
    Ok(statements)
}

/// Tries whether all that hangs on a database can be written: it is written once more as it is, and rolled back.
pub async fn rehearse(client: &mut Client, database: &str) -> Result<(), PostgresError> {
    let what = || PostgresError::query(format!("carry over what hangs on database {database:?}"));
    let transaction = client.transaction().await.map_err(what())?;
    carry_over(&transaction, database, database).await?;
    transaction.rollback().await.map_err(what())
}

/// `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET`. A list is written element by element: any role may set its
/// own settings, so that nothing that is stored may be taken for SQL.
async fn settings(
    client: &Transaction<'_>,
    model: &str,
    target: &str,
) -> Result<Vec<String>, PostgresError> {
    let rows = client
        .query(
            "SELECT pg_get_userbyid(nullif(setting.setrole, 0)), split_part(entry, '=', 1),
                    substr(entry, strpos(entry, '=') + 1)
             FROM pg_db_role_setting AS setting
             JOIN pg_database AS database ON database.oid = setting.setdatabase,
                  unnest(setting.setconfig) AS entry
             WHERE database.datname = $1",
            &[&model],
        )
        .await
        .map_err(PostgresError::query(format!(
            "read the settings of database {model:?}"
        )))?;
    let name = identifier(target);
    Ok(rows
        .iter()
        .map(|row| {
            let (role, key, value): (Option<String>, String, String) =
                (row.get(0), row.get(1), row.get(2));
            let value = if LIST_SETTINGS.contains(&key.as_str()) {
                list(&value)
            } else {
                literal(&value)
            };
            let key = setting_name(&key);
            match role {
                None => format!("ALTER DATABASE {name} SET {key} TO {value}"),
                Some(role) => format!(
                    "ALTER ROLE {} IN DATABASE {name} SET {key} TO {value}",
                    identifier(&role)
                ),
            }
        })
        .collect())
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

/// First everything is taken from all who have something on `target`, then everything of `model` is granted.
async fn grants(
    client: &Transaction<'_>,
    model: &str,
    target: &str,
) -> Result<Vec<String>, PostgresError> {
    let query = "
        SELECT CASE entry.grantee WHEN 0 THEN NULL ELSE pg_get_userbyid(entry.grantee) END,
               entry.privilege_type, entry.is_grantable AND entry.grantee <> database.datdba,
               pg_get_userbyid(entry.grantor), pg_get_userbyid(database.datdba)
        FROM pg_database AS database,
             aclexplode(coalesce(database.datacl, acldefault('d', database.datdba))) AS entry
        WHERE database.datname = $1
        ORDER BY entry.grantor <> database.datdba";
    let what = |name: &str| PostgresError::query(format!("read who may use database {name:?}"));
    let name = identifier(target);
    let who = |role: Option<String>| {
        role.as_deref()
            .map_or_else(|| "PUBLIC".to_owned(), identifier)
    };

    let present = client
        .query(query, &[&target])
        .await
        .map_err(what(target))?;
    let mut statements: Vec<String> = present
        .iter()
        .map(|row| {
            format!(
                "REVOKE ALL ON DATABASE {name} FROM {} CASCADE",
                who(row.get(0))
            )
        })
        .collect();
    statements.dedup();
    for row in client.query(query, &[&model]).await.map_err(what(model))? {
        let option = if row.get(2) { " WITH GRANT OPTION" } else { "" };
        let grant = format!(
            "GRANT {} ON DATABASE {name} TO {}{option}",
            row.get::<_, &str>(1),
            who(row.get(0))
        );
        let (grantor, owner): (String, String) = (row.get(3), row.get(4));
        if grantor == owner {
            statements.push(grant);
        } else {
            statements.push(format!("SET LOCAL ROLE {}", identifier(&grantor)));
            statements.push(grant);
            statements.push("RESET ROLE".to_owned());
        }
    }
    Ok(statements)
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
