//! What hangs on a database itself, beside its contents: owner, encoding, locale, settings, access list, limit, comment.
//!
//! A swap by rename loses all of it silently (lessons B6); so the new database is made with the live one's properties,
//! and made equal to it again just before the swap.

use tokio_postgres::Client;

use super::{
    error::PostgresError,
    quote::{identifier, literal},
    server,
};

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
    let clauses = match text(4).as_deref() {
        Some("i") => [
            ("LOCALE_PROVIDER icu ICU_LOCALE", text(5)),
            ("ICU_RULES", text(6)),
        ],
        Some("b") => [
            ("LOCALE_PROVIDER builtin BUILTIN_LOCALE", text(5)),
            ("", None),
        ],
        _ => [("", None), ("", None)],
    };
    for (clause, value) in clauses {
        if let Some(value) = value {
            statement.extend([format!(" {clause} "), literal(&value)]);
        }
    }
    client.batch_execute(&statement).await.map_err(what())?;
    let closed = format!("REVOKE ALL ON DATABASE {} FROM PUBLIC", identifier(name));
    client.batch_execute(&closed).await.map_err(what())
}

/// The statements that make what hangs on database `target` equal to what hangs on `model`: settings, settings of roles in
/// it, access list, connection limit, comment.
pub async fn carry_over(
    client: &Client,
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

/// `ALTER DATABASE … SET` and `ALTER ROLE … IN DATABASE … SET`. Settings that are lists are stored as they are to be
/// written back; every other value is one literal.
async fn settings(
    client: &Client,
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
                value
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

/// A setting's name; extensions' settings have a dot, which is no part of an identifier.
fn setting_name(key: &str) -> String {
    key.split('.').map(identifier).collect::<Vec<_>>().join(".")
}

/// First everything is taken from all who have something on `target`, then everything of `model` is granted.
async fn grants(client: &Client, model: &str, target: &str) -> Result<Vec<String>, PostgresError> {
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
