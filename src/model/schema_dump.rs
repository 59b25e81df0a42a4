//! pg_dump's text of a schema, cut into the statements that a scratch database takes. Cut, it needs no psql, whose
//! commands a dump could hold, and what one statement quotes cannot be taken for another.

use super::revision::{StatementError, statements};

/// What a database is given before any revision runs in it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Ground {
    /// Schemas, with their owners and privileges, as SQL writes their names.
    pub schemas: Vec<String>,
    /// Extensions, as SQL writes their names.
    pub extensions: Vec<String>,
    /// Whether the default privileges of all roles are given, as far as they are for no schema or for one of `schemas`.
    pub default_privileges: bool,
    /// Whether privileges and comment of the schema `public` are given too, beside its owner.
    pub privileges_of_public: bool,
}

/// All statements of a dump, less those about one of these objects, named as in `EXTENSION postgis`.
pub fn all_but(dump: &str, left_out: &[String]) -> Result<Vec<String>, StatementError> {
    let mut kept = cut(dump)?;
    kept.retain(|sql| !left_out.iter().any(|object| is_about(sql, object)));
    Ok(kept)
}

/// Settings that a dump begins with and that a script goes without: they are the runner's business, or what they are by
/// default. What remains is the search path, and that the bodies of functions are not looked at before all tables stand.
const RUNNERS_SETTINGS: [&str; 9] = [
    "statement_timeout",
    "lock_timeout",
    "idle_in_transaction_session_timeout",
    "transaction_timeout",
    "client_encoding",
    "standard_conforming_strings",
    "xmloption",
    "client_min_messages",
    "row_security",
];

/// The settings that a dump repeats before tables, each with its default.
const TABLES_SETTINGS: [(&str, &str); 2] = [
    ("default_tablespace", "''"),
    ("default_table_access_method", "heap"),
];

/// A dump as a section of a revision script: its statements, less those about one of these objects (see [`all_but`]), less
/// settings that say nothing, and less comments on extensions, which are the extension's own.
pub fn as_script(dump: &str, left_out: &[String]) -> Result<String, StatementError> {
    let mut kept = all_but(dump, left_out)?;
    let sets = |sql: &str, name: &str| {
        sql.strip_prefix("SET ")
            .and_then(|rest| rest.strip_prefix(name))
            .and_then(|rest| rest.strip_prefix(" = "))
            .map(ToOwned::to_owned)
    };
    let unvaried: Vec<&str> = TABLES_SETTINGS
        .iter()
        .filter(|(name, default)| {
            let mut values = kept.iter().filter_map(|sql| sets(sql, name));
            values.all(|value| value == *default)
        })
        .map(|(name, _)| *name)
        .collect();
    kept.retain(|sql| {
        let mut silent = RUNNERS_SETTINGS.iter().chain(&unvaried);
        !silent.any(|name| sets(sql, name).is_some()) && !sql.starts_with("COMMENT ON EXTENSION ")
    });
    kept.push(String::new());
    Ok(kept.join(";\n\n"))
}

/// The statements of a dump that give a database this ground, with the settings that the dump begins with.
pub fn ground(dump: &str, ground: &Ground) -> Result<Vec<String>, StatementError> {
    let mut kept = cut(dump)?;
    kept.retain(|sql| {
        let of_schema = |schema: &String| {
            let granted = format!(" ON SCHEMA {schema} ");
            let said_elsewhere = schema == "public" && !ground.privileges_of_public;
            let about = is_about(sql, &format!("SCHEMA {schema}"));
            let grants =
                (sql.starts_with("GRANT ") || sql.starts_with("REVOKE ")) && sql.contains(&granted);
            if said_elsewhere {
                about && !sql.starts_with("COMMENT ")
            } else {
                about || grants
            }
        };
        let sets = sql.starts_with("SET ") || sql.starts_with("SELECT pg_catalog.set_config(");
        let by_default = sql.starts_with("ALTER DEFAULT PRIVILEGES ")
            && (!sql.contains(" IN SCHEMA ")
                || ground
                    .schemas
                    .iter()
                    .any(|schema| sql.contains(&format!(" IN SCHEMA {schema} "))));
        let of_extension = |name: &String| is_about(sql, &format!("EXTENSION {name}"));
        sets || ground.default_privileges && by_default
            || ground.schemas.iter().any(of_schema)
            || ground.extensions.iter().any(of_extension)
    });
    Ok(kept)
}

fn cut(dump: &str) -> Result<Vec<String>, StatementError> {
    let cut = statements(without_fence(dump))?;
    Ok(cut.into_iter().map(|statement| statement.sql).collect())
}

/// Newer pg_dumps fence their text against psql's commands by two of them, `\restrict` and `\unrestrict`: the first stands
/// before all statements, the second, with the same key, after all.
pub fn without_fence(dump: &str) -> &str {
    const FENCE: &str = "\\restrict ";
    let mut start = 0;
    for line in dump.split_inclusive('\n') {
        let end = start + line.len();
        if let Some(key) = line.strip_prefix(FENCE) {
            let inside = &dump[end..];
            let close = format!("\n\\unrestrict {}", key.trim_end());
            return inside
                .rfind(&close)
                .map_or(inside, |close| &inside[..close]);
        }
        if !line.trim().is_empty() && !line.starts_with("--") {
            break;
        }
        start = end;
    }
    dump
}

/// Whether a statement creates, changes or comments on the object.
fn is_about(sql: &str, object: &str) -> bool {
    let verbs = ["CREATE ", "ALTER ", "COMMENT ON "];
    let Some(rest) = verbs.iter().find_map(|verb| sql.strip_prefix(verb)) else {
        return false;
    };
    let rest = rest.replacen(" IF NOT EXISTS ", " ", 1);
    rest.strip_prefix(object)
        .is_some_and(|after| after.is_empty() || after.starts_with([' ', '\n']))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    const DUMP: &str = r"--
-- PostgreSQL database dump
--

\restrict k3y

SET standard_conforming_strings = on;
SELECT pg_catalog.set_config('search_path', '', false);

ALTER SCHEMA public OWNER TO app_owner;

CREATE SCHEMA app;

CREATE EXTENSION IF NOT EXISTS citext WITH SCHEMA public;
COMMENT ON EXTENSION citext IS 'text; folded';

CREATE FUNCTION public.f() RETURNS text LANGUAGE sql AS $_$
--
-- Name: e; Type: EVENT TRIGGER; Schema: -; Owner: me
--
SELECT '
\unrestrict other
CREATE EVENT TRIGGER e ON x; DROP TABLE t'$_$;

CREATE EVENT TRIGGER e ON ddl_command_end
   EXECUTE FUNCTION public.f();
ALTER EVENT TRIGGER e OWNER TO postgres;
CREATE EVENT TRIGGER e2 ON ddl_command_end
   EXECUTE FUNCTION public.f();

REVOKE USAGE ON SCHEMA public FROM PUBLIC;
GRANT ALL ON SCHEMA app TO somebody;
ALTER DEFAULT PRIVILEGES FOR ROLE o GRANT SELECT ON TABLES  TO r;
ALTER DEFAULT PRIVILEGES FOR ROLE o IN SCHEMA public GRANT SELECT ON TABLES  TO r;
ALTER DEFAULT PRIVILEGES FOR ROLE o IN SCHEMA app GRANT SELECT ON TABLES  TO r;

--
-- PostgreSQL database dump complete
--

\unrestrict k3y

";

    fn first_words(statements: &[String]) -> Vec<String> {
        let words = |sql: &String| sql.split_whitespace().take(4).collect::<Vec<_>>().join(" ");
        statements.iter().map(words).collect()
    }

    #[test]
    fn what_is_left_out_goes_with_all_statements_about_it_and_nothing_else_does() {
        let left_out = ["EVENT TRIGGER e".to_owned(), "EXTENSION citext".to_owned()];
        let kept = all_but(DUMP, &left_out).unwrap();
        assert_eq!(
            first_words(&kept),
            [
                "SET standard_conforming_strings = on",
                "SELECT pg_catalog.set_config('search_path', '', false)",
                "ALTER SCHEMA public OWNER",
                "CREATE SCHEMA app",
                "CREATE FUNCTION public.f() RETURNS",
                "CREATE EVENT TRIGGER e2",
                "REVOKE USAGE ON SCHEMA",
                "GRANT ALL ON SCHEMA",
                "ALTER DEFAULT PRIVILEGES FOR",
                "ALTER DEFAULT PRIVILEGES FOR",
                "ALTER DEFAULT PRIVILEGES FOR",
            ]
        );
        assert!(kept[4].ends_with("DROP TABLE t'$_$"), "{}", kept[4]);
    }

    #[test]
    fn the_ground_is_what_stands_before_any_revision() {
        let wanted = Ground {
            schemas: vec!["public".to_owned()],
            extensions: vec!["citext".to_owned()],
            default_privileges: true,
            privileges_of_public: true,
        };
        let kept = ground(DUMP, &wanted).unwrap();
        assert_eq!(
            first_words(&kept),
            [
                "SET standard_conforming_strings = on",
                "SELECT pg_catalog.set_config('search_path', '', false)",
                "ALTER SCHEMA public OWNER",
                "CREATE EXTENSION IF NOT",
                "COMMENT ON EXTENSION citext",
                "REVOKE USAGE ON SCHEMA",
                "ALTER DEFAULT PRIVILEGES FOR",
                "ALTER DEFAULT PRIVILEGES FOR",
            ]
        );
        let bare = ground(DUMP, &Ground::default()).unwrap();
        assert_eq!(bare.len(), 2, "{bare:?}");
    }

    #[test]
    fn as_a_script_a_dump_goes_without_settings_that_say_nothing() {
        let dump = "SET lock_timeout = 0;\nSET check_function_bodies = false;\nSET default_tablespace = '';\n\
                    CREATE TABLE a ();\nSET default_tablespace = fast;\nCREATE TABLE b ();\n\
                    SET default_table_access_method = heap;\nCOMMENT ON EXTENSION citext IS 'x';\n";
        assert_eq!(
            as_script(dump, &[]).unwrap(),
            "SET check_function_bodies = false;\n\nSET default_tablespace = '';\n\nCREATE TABLE a ();\n\n\
             SET default_tablespace = fast;\n\nCREATE TABLE b ();\n\n"
        );
    }

    #[test]
    fn a_dump_without_a_fence_is_taken_whole() {
        assert_eq!(without_fence("-- a\nSELECT 1;\n"), "-- a\nSELECT 1;\n");
    }
}
