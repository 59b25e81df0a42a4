//! The making of the roles as a script for psql, for whoever may run it: written without a connection, so that what differs
//! between versions of the server is decided while it runs.

use std::fmt::Write as _;

use super::{
    Place, PurposeRoles, Step,
    plan::setup,
    purpose::{CLOSED_PUBLIC_SINCE, MAINTAIN_SINCE, READ_ALL_DATA_SINCE},
};
use crate::model::quote::{identifier, literal};

/// The control store's role and database.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ControlStore {
    /// Its owner, the daemon's login.
    pub role: String,
    /// Its name.
    pub database: String,
}

/// The versions whose steps differ, each with the psql variable that is true from it on.
const VERSIONS: [(u32, &str); 3] = [
    (READ_ALL_DATA_SINCE, "since_14"),
    (CLOSED_PUBLIC_SINCE, "since_15"),
    (MAINTAIN_SINCE, "since_17"),
];

const HEAD: &str = r"-- The roles of pgsteward, and of the application, with what they need and no more.
-- Run it once on the server, as a superuser; running it again does no harm:
--
--   psql -X -d postgres -f roles.sql
--
-- A database that stands keeps its owner and what is in it: `pgsteward roles provision` corrects those.
\set ON_ERROR_STOP on
SELECT current_setting('server_version_num')::int >= 140000 AS since_14,
       current_setting('server_version_num')::int >= 150000 AS since_15,
       current_setting('server_version_num')::int >= 170000 AS since_17 \gset
\if :since_14
\else
\warn 'PostgreSQL before 14 has no pg_read_all_data, which the backup role needs.'
DO $$ BEGIN RAISE EXCEPTION 'this server is too old'; END $$;
\endif
";

/// The script for databases of one server, each with its roles; and for the control store, where it is on that server.
/// `passwords` are the roles that log in by one.
pub fn script(
    databases: &[PurposeRoles],
    control: Option<&ControlStore>,
    passwords: &[String],
) -> String {
    let mut text = HEAD.to_owned();
    if let Some(control) = control {
        let (role, database) = (identifier(&control.role), identifier(&control.database));
        text.push_str("\n-- The control store: the daemon's own database.\n");
        create(
            &mut text,
            "role",
            &control.role,
            &format!("CREATE ROLE {role} LOGIN"),
        );
        create(
            &mut text,
            "database",
            &control.database,
            &database_of(&database, &role),
        );
        let _ = writeln!(text, "REVOKE ALL ON DATABASE {database} FROM PUBLIC;");
    }
    for roles in databases {
        one_database(&mut text, roles);
    }
    if !passwords.is_empty() {
        text.push_str(
            "\n-- Last, the passwords that the configuration's URLs have. Type in psql:\n--\n",
        );
        for role in passwords {
            let _ = writeln!(text, "--   \\password {}", identifier(role));
        }
    }
    text
}

fn database_of(database: &str, owner: &str) -> String {
    format!("CREATE DATABASE {database} OWNER {owner} TEMPLATE template0")
}

fn one_database(text: &mut String, roles: &PurposeRoles) {
    let database = identifier(&roles.database);
    let _ = writeln!(text, "\n-- Database {database}: the roles.\nBEGIN;");
    place(text, roles, Place::Server);
    let _ = writeln!(
        text,
        "COMMIT;\n\n-- Database {database}: who may do what with it."
    );
    let made = database_of(&database, &identifier(&roles.admin));
    create(text, "database", &roles.database, &made);
    text.push_str("BEGIN;\n");
    place(text, roles, Place::Database);
    let _ = writeln!(
        text,
        "COMMIT;\n\n-- Database {database}: what is in it.\n\\connect {database}\nBEGIN;"
    );
    place(text, roles, Place::Inside);
    text.push_str("COMMIT;\n");
}

/// The steps of one place: first those of all versions, then those of some.
fn place(text: &mut String, roles: &PurposeRoles, place: Place) {
    let of_version = |version: u32| -> Vec<Step> {
        let mut steps = setup(roles, version);
        steps.retain(|step| step.place == place);
        steps
    };
    let all = VERSIONS.map(|(version, _)| of_version(version));
    let everywhere = |step: &Step| all.iter().all(|steps| steps.contains(step));
    for step in all
        .iter()
        .flatten()
        .take(all[0].len())
        .filter(|step| everywhere(step))
    {
        statement(text, &step.statement);
    }
    // Each version's own, from the oldest: a version's variable is true for the later ones too.
    for (index, steps) in all.iter().enumerate() {
        let before = index.checked_sub(1).map(|before| &all[before]);
        let own: Vec<&Step> = steps
            .iter()
            .filter(|step| !everywhere(step) && before.is_none_or(|before| !before.contains(step)))
            .collect();
        for step in own {
            let last = all.iter().rposition(|steps| steps.contains(step));
            let ends = last.and_then(|last| VERSIONS.get(last + 1));
            let _ = writeln!(text, "\\if :{}", VERSIONS[index].1);
            if let Some((_, until)) = ends {
                let _ = writeln!(text, "\\if :{until}\n\\else");
            }
            statement(text, &step.statement);
            if ends.is_some() {
                text.push_str("\\endif\n");
            }
            text.push_str("\\endif\n");
        }
    }
}

/// A statement; the making of a role is parted into what may be done once and what may be done again.
fn statement(text: &mut String, statement: &str) {
    let role = statement.strip_prefix("CREATE ROLE ");
    let parts = role.and_then(|rest| rest.rsplit_once("\" "));
    let Some((name, attributes)) = parts else {
        let _ = writeln!(text, "{statement};");
        return;
    };
    let bare = name.trim_start_matches('"').replace("\"\"", "\"");
    create(text, "role", &bare, &format!("CREATE ROLE {name}\""));
    let _ = writeln!(text, "ALTER ROLE {name}\" {attributes};");
}

/// Makes a role or a database that is not there.
fn create(text: &mut String, what: &str, name: &str, statement: &str) {
    let (catalog, column) = if what == "role" {
        ("pg_roles", "rolname")
    } else {
        ("pg_database", "datname")
    };
    let _ = writeln!(
        text,
        "SELECT {} WHERE NOT EXISTS (SELECT FROM {catalog} WHERE {column} = {}) \\gexec",
        literal(statement),
        literal(name)
    );
}
