//! A schema as `pg_dump` tells it, and what is left aside of that.
//!
//! Only what no tool can keep, or what means nothing, is left aside:
//! - the order of the columns of a table, and that of the statements about its columns, which follows it: a column that is
//!   added later stands last;
//! - the order of the objects where `pg_dump` takes that of their OIDs, and the settings between them, which depend on it;
//! - the order of the grants on one object, which is that in which they were given.

use std::process::Command;

use crate::support::cluster::as_superuser;

/// The version table.
const VERSION_TABLE: &str = "alembic_version";
/// How many lines of a difference are shown.
const SHOWN_LINES: usize = 30;

/// The schema of a database: its objects, sorted, each as the statements that make it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Dump(Vec<String>);

impl Dump {
    /// Has `pg_dump` tell a database's schema.
    pub(super) async fn of(database: &str) -> Result<Self, String> {
        let mut command = as_superuser("pg_dump", database);
        command
            .arg("--schema-only")
            .arg(format!("--exclude-table={VERSION_TABLE}"));
        output(command).await.map(|text| Self::parse(&text))
    }

    fn parse(text: &str) -> Self {
        let mut objects: Vec<Vec<&str>> = Vec::new();
        for line in text.lines().filter(|line| !is_aside(line)) {
            if line.starts_with("-- Name: ") {
                objects.push(vec![line]);
            } else if let Some(object) = objects.last_mut() {
                object.push(line);
            }
        }
        let mut objects: Vec<String> = objects.into_iter().map(unordered).collect();
        objects.sort();
        Self(objects)
    }

    /// How this one differs from the one that was expected; nothing when it does not.
    pub(super) fn against(&self, expected: &Self) -> Result<(), String> {
        let lacks = expected.0.iter().filter(|object| !self.0.contains(object));
        let has = self.0.iter().filter(|object| !expected.0.contains(object));
        let (lacks, has): (Vec<_>, Vec<_>) = (lacks.collect(), has.collect());
        if lacks.is_empty() && has.is_empty() {
            return Ok(());
        }
        // What only one of them has is shown under the object's name; an object that both have by its lines that differ.
        let mut lines = Vec::new();
        for (mark, objects, others) in [("-", &lacks, &has), ("+", &has, &lacks)] {
            for object in objects {
                let name = object.lines().next().unwrap_or_default();
                let other = others
                    .iter()
                    .find(|other| other.lines().next() == Some(name));
                lines.push(name.to_owned());
                let known =
                    |line: &&str| other.is_none_or(|other| !other.lines().any(|o| o == *line));
                let text = object.lines().skip(1).filter(|line| !line.is_empty());
                lines.extend(text.filter(known).map(|line| format!("{mark} {line}")));
            }
        }
        let more = lines.len().saturating_sub(SHOWN_LINES);
        lines.truncate(SHOWN_LINES);
        if more > 0 {
            lines.push(format!("and {more} lines more"));
        }
        Err(lines.join("\n"))
    }
}

/// The trailer, keys that are random, and settings that are said before whatever comes first.
fn is_aside(line: &str) -> bool {
    let beginnings = [
        "--",
        "\\restrict ",
        "\\unrestrict ",
        "SET default_tablespace = ",
        "SET default_table_access_method = ",
    ];
    !line.starts_with("-- Name: ") && beginnings.iter().any(|begin| line.starts_with(begin))
}

/// An object's text, its lines sorted where their order is left aside.
fn unordered(mut lines: Vec<&str>) -> String {
    let name = lines.remove(0);
    let is = |kind: &str| name.contains(&format!("; Type: {kind};"));
    let mut lines: Vec<String> = lines.into_iter().map(str::to_owned).collect();
    if is("TABLE") || is("FOREIGN TABLE") {
        for line in lines.iter_mut().filter(|line| line.ends_with(',')) {
            line.pop();
        }
        lines.sort();
    } else if is("ACL") {
        lines.sort();
    }
    lines.retain(|line| !line.is_empty());
    lines.insert(0, name.to_owned());
    lines.join("\n")
}

/// Runs a program to its end off this thread; gives what it wrote.
async fn output(mut command: Command) -> Result<String, String> {
    let ended = tokio::task::spawn_blocking(move || command.output());
    let output = ended.await.unwrap().unwrap();
    if output.status.success() {
        Ok(String::from_utf8(output.stdout).unwrap())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).into_owned())
    }
}

#[test]
fn the_order_of_columns_grants_and_objects_means_nothing_and_all_else_does() {
    let table = |columns: &str, after: &str| {
        let before = "SET default_tablespace = '';\n-- Name: v; Type: VIEW; Schema: public; Owner: m\n--\n\nCREATE VIEW v AS\n SELECT 1,\n    2;\n\n";
        let table = format!(
            "-- Name: t; Type: TABLE; Schema: public; Owner: m\n--\n\nCREATE TABLE t (\n{columns}\n){after};\n\n"
        );
        (format!("{before}{table}"), format!("{table}{before}"))
    };
    let (one, turned) = table("    a integer,\n    b text", "");
    let expected = Dump::parse(&one);
    assert_eq!(Dump::parse(&turned).against(&expected), Ok(()));
    let (moved, _) = table("    b text,\n    a integer", "");
    assert_eq!(Dump::parse(&moved).against(&expected), Ok(()));

    let (other, _) = table("    b text NOT NULL,\n    a integer", "");
    let difference = Dump::parse(&other).against(&expected).unwrap_err();
    assert!(difference.contains("-     b text\n"), "{difference}");
    assert!(difference.contains("+     b text NOT NULL"), "{difference}");
    assert!(!difference.contains("integer"), "{difference}");
    let (optioned, _) = table("    a integer,\n    b text", "\nWITH (fillfactor='70')");
    assert!(Dump::parse(&optioned).against(&expected).is_err());
    let other_view = Dump::parse(&one.replace("1,\n    2", "2,\n    1"));
    assert!(other_view.against(&expected).is_err());
}
