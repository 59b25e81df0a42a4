//! `pgsteward migrate import-alembic` on real projects, with real Alembic: what is written, what is left to do, and what
//! is refused.

use std::{
    collections::BTreeSet,
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::Path,
};

use serde_json::{Value, json};

use super::shop::{
    BILLS, COLUMNS, COUNTS, ENV, FUNCTION, INDEX, MERGE, TABLES, graph, import, import_with,
    project,
};
use crate::support::{
    alembic::{Project, python},
    database::Databases,
};

/// A project, and a directory for what is made of it.
async fn shop() -> (tempfile::TempDir, Project) {
    let directory = tempfile::tempdir().unwrap();
    let databases = Databases::create().await;
    let project = project(directory.path().join("project"), &databases);
    (directory, project)
}

/// The error of an import that must be refused, of which nothing must be left.
#[track_caller]
fn refused(project: &Project, output: &Path, more: &[&str]) -> Value {
    refused_with(python(), project, output, more)
}

/// The same with another interpreter.
#[track_caller]
fn refused_with(python: &Path, project: &Project, output: &Path, more: &[&str]) -> Value {
    let json: Vec<&str> = more.iter().copied().chain(["--json"]).collect();
    let done = import_with(python, project, output, &json);
    let said = String::from_utf8(done.stderr).unwrap();
    assert_eq!(done.status.code(), Some(1), "{said}");
    assert!(!output.exists() || fs::read_dir(output).unwrap().count() == 0);
    let error: Value = serde_json::from_str(said.trim()).unwrap();
    error["error"].clone()
}

#[tokio::test]
async fn an_imported_directory_has_alembics_graph() {
    let (directory, project) = shop().await;
    let output = directory.path().join("revisions");

    let done = import(&project, &output, &[]);

    let said = String::from_utf8_lossy(&done.stderr).into_owned();
    assert_eq!(done.status.code(), Some(4), "{said}");
    let graph = graph(&output);
    assert_eq!(graph.heads(), project.ids("heads"));
    let history = project.alembic("history");
    let theirs: BTreeSet<(Vec<&str>, &str)> = history
        .lines()
        .map(|line| {
            let (below, rest) = line.split_once(" -> ").unwrap();
            let id = rest.split([' ', ',']).next().unwrap();
            let message = graph.get(id).unwrap().message.as_str();
            assert!(rest.ends_with(message), "{line}: {message}");
            // Dependencies stand in parentheses.
            let below = below.split(" (").next().unwrap();
            let below = below.split(", ").filter(|id| *id != "<base>");
            (below.collect(), id)
        })
        .collect();
    let ours: BTreeSet<(Vec<&str>, &str)> = graph
        .iter()
        .map(|script| {
            let below = script.down_revisions.iter().map(String::as_str);
            (below.collect(), script.revision.as_str())
        })
        .collect();
    assert_eq!(ours, theirs);
    let script = |id| graph.get(id).unwrap();
    assert_eq!(script(MERGE).down_revisions, [INDEX, COLUMNS]);
    assert_eq!(script(BILLS).depends_on, [FUNCTION]);
    assert_eq!(script(TABLES).branch_labels, ["shop"]);
    assert_eq!(script(INDEX).branch_labels, ["indexes"]);
    let created = |id| script(id).created.to_rfc3339();
    assert_eq!(created(TABLES), "2026-01-02T03:04:05.678901+00:00");
    assert_eq!(created(FUNCTION), "2026-01-02T22:00:00+00:00");
    // It states no time, and its file is as old as this test: still it comes before what follows it.
    assert_eq!(created(COLUMNS), "2026-01-05T23:59:00+00:00");
    assert_eq!(
        script(TABLES).file_name,
        "202601020304_c0000001_customers_and_orders.sql"
    );
    assert!(
        graph
            .iter()
            .all(|other| other.transactional == (other.revision != INDEX))
    );
    assert_eq!(script(MERGE).upgrade_sql, "-- nothing to do");
    assert_eq!(script(MERGE).downgrade_sql, "-- nothing to do");
    assert_eq!(script(COUNTS).downgrade_sql, "");
    // Nothing of the import stays in the project.
    assert!(
        !project
            .directory
            .join("alembic/versions/__pycache__")
            .exists()
    );
}

#[tokio::test]
async fn what_reads_the_database_is_left_to_a_person_with_the_reason() {
    let (directory, project) = shop().await;
    let output = directory.path().join("revisions");

    let done = import(&project, &output, &["--json"]);

    assert_eq!(done.status.code(), Some(4));
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    assert_eq!(report["unfinishedCount"], 1);
    let revisions = report["revisions"].as_array().unwrap();
    assert_eq!(revisions.len(), 8);
    let of = |id: &str| {
        revisions
            .iter()
            .find(|told| told["revision"] == id)
            .unwrap()
    };
    assert_eq!(of(COUNTS)["upgrade"], "BY_HAND");
    assert_eq!(of(COUNTS)["downgrade"], "IRREVERSIBLE");
    assert_eq!(of(MERGE)["upgrade"], "NOTHING");
    assert_eq!(of(INDEX)["transactional"], false);
    let reason = "it reads the result of: SELECT count(*) FROM customers (line 12)";
    assert_eq!(
        of(COUNTS)["unfinished"],
        json!([{"direction": "upgrade", "reason": reason}])
    );
    let file = of(COUNTS)["filename"].as_str().unwrap();
    let marker = fs::read_to_string(output.join(format!("{file}.todo"))).unwrap();
    for part in ["billing/b0000002_counts.py", "upgrade: ", reason] {
        assert!(marker.contains(part), "{marker}");
    }
    let script = graph(&output).get(COUNTS).unwrap().clone();
    assert!(
        script.upgrade_sql.contains("RAISE EXCEPTION"),
        "{}",
        script.upgrade_sql
    );

    // The same as a table.
    let again = directory.path().join("again");
    let text = String::from_utf8(import(&project, &again, &[]).stdout).unwrap();
    for part in [
        "b0000002  BY HAND",
        "c0000005  nothing to do  nothing to do",
        "not transactional: upgrade has an autocommit_block()",
        "8 revisions in ",
        "1 of them to be finished by hand",
    ] {
        assert!(text.contains(part), "{text}");
    }
}

#[tokio::test]
async fn what_the_project_has_in_its_own_way_is_told() {
    let (directory, project) = shop().await;
    project.write(
        "alembic/env.py",
        r#"
from alembic import context
context.configure(dialect_name="postgresql", version_table="versions", version_table_schema="meta")
context.execute("SET search_path TO shop")
with context.begin_transaction():
    context.run_migrations()
"#,
    );
    project.write(
        "alembic/versions/c0000007_asks.py",
        r#"
import sqlalchemy as sa
from alembic import op
revision = "c0000007"
down_revision = "c0000006"

def upgrade():
    sa.Enum("a", name="letter").create(op.get_bind(), checkfirst=True)
    if not op.get_context().as_sql:
        op.execute("SELECT only_online()")
    op.execute("COMMIT")

def downgrade():
    try:
        op.execute("DROP TYPE %s" % sa.inspect(op.get_bind()).get_enums()[0])
    except Exception:
        op.execute("DROP TYPE letter")
"#,
    );
    let done = import(&project, &directory.path().join("revisions"), &["--json"]);
    let report: Value = serde_json::from_slice(&done.stdout).unwrap();
    let notes = report["notes"].to_string();
    for part in [
        "version_table = ",
        "versions",
        "version_table_schema = ",
        "meta",
        "SET search_path TO shop",
    ] {
        assert!(notes.contains(part), "{notes}");
    }
    let revisions = report["revisions"].as_array().unwrap();
    let asks = revisions
        .iter()
        .find(|told| told["revision"] == "c0000007")
        .unwrap();
    let notes = asks["notes"].to_string();
    assert!(notes.contains("asks whether objects exist"), "{notes}");
    assert!(notes.contains("asks whether it runs offline"), "{notes}");
    let reasons = asks["unfinished"].to_string();
    assert!(
        reasons.contains("`COMMIT` begins or ends a transaction"),
        "{reasons}"
    );
    // It catches what it provokes, and is not believed.
    assert!(reasons.contains("it inspects the database"), "{reasons}");
}

#[tokio::test]
async fn a_section_of_the_ini_file_can_be_chosen() {
    let (directory, project) = shop().await;
    project.write("other.ini", "[second]\nscript_location = %(here)s/second\n");
    project.write("second/env.py", ENV);
    project.write(
        "second/versions/d0000001_only.py",
        "revision = 'd0000001'\ndown_revision = None\ndef upgrade(): pass\n",
    );
    let output = directory.path().join("revisions");
    let ini = Project::new(project.directory.join("other.ini"), String::new());

    let done = import(&ini, &output, &["--name", "second"]);

    assert_eq!(done.status.code(), Some(0), "{done:?}");
    let graph = graph(&output);
    assert_eq!(graph.heads(), ["d0000001"]);
    // There is no downgrade().
    assert_eq!(graph.get("d0000001").unwrap().downgrade_sql, "");
}

#[tokio::test]
async fn an_id_or_label_that_pgsteward_cannot_have_is_refused_before_anything_is_written() {
    let (directory, project) = shop().await;
    let output = directory.path().join("revisions");
    let revision = |id: &str, label: &str| {
        project.write(
            "alembic/versions/bad.py",
            &format!(
                "revision = '{id}'\ndown_revision = 'c0000006'\nbranch_labels = {label}\n\
                 def upgrade(): pass\ndef downgrade(): pass\n"
            ),
        );
    };
    for (id, label) in [
        ("a".repeat(33).as_str(), "None"),
        ("x.y~z", "None"),
        ("e0000001", "'release-2'"),
    ] {
        revision(id, label);
        let error = refused(&project, &output, &[]);
        assert_eq!(error["reason"], "INVALID_REVISION", "{error}");
        let message = error["message"].as_str().unwrap();
        assert!(
            message.contains("bad.py") && message.contains(id),
            "{message}"
        );
    }
    // These Alembic itself refuses to read.
    revision("a-b", "None");
    assert_eq!(
        refused(&project, &output, &[])["reason"],
        "ALEMBIC_PROJECT_UNUSABLE"
    );
}

#[tokio::test]
async fn a_project_that_cannot_be_read_is_refused_with_what_to_do() {
    let (directory, project) = shop().await;
    let output = directory.path().join("revisions");
    let reason = |project: &Project, more: &[&str], message: &str, hint: &str| {
        let error = refused(project, &output, more);
        let says = |key: &str, part: &str| {
            let text = error[key].as_str().unwrap_or_default();
            assert!(text.contains(part), "{error}");
        };
        says("message", message);
        says("hint", hint);
        error["reason"].as_str().unwrap().to_owned()
    };

    let nowhere = Project::new(directory.path().to_owned(), String::new());
    let told = reason(&nowhere, &[], "there is no Alembic project", "alembic.ini");
    assert_eq!(told, "NO_ALEMBIC_PROJECT");
    let unusable = "ALEMBIC_PROJECT_UNUSABLE";
    let told = reason(
        &project,
        &["--name", "other"],
        "script_location",
        "alembic history",
    );
    assert_eq!(told, unusable);

    project.write("alembic/env.py", "import no_such_module\n");
    let told = reason(
        &project,
        &[],
        "No module named 'no_such_module'",
        "--python",
    );
    assert_eq!(told, unusable);
    // A person also sees where it went wrong.
    let done = import(&project, &output, &[]);
    let said = String::from_utf8(done.stderr).unwrap();
    assert!(said.contains("env.py\", line 1"), "{said}");

    for (env, message) in [
        ("", "did not call context.run_migrations()"),
        (
            &ENV.replace("else:", "    context.run_migrations()\nelse:"),
            "more than once",
        ),
        (
            &ENV.replace("os.environ[\"DATABASE_URL\"]", "'mysql://h/d'"),
            "is for mysql",
        ),
        ("raise SystemExit(3)", "ended before all was rendered"),
    ] {
        project.write("alembic/env.py", env);
        assert_eq!(reason(&project, &[], message, ""), unusable);
    }
    project.write("alembic/env.py", ENV);
    project.write(
        "billing/b0000003_lost.py",
        "revision = 'b0000003'\ndown_revision = 'gone'\n",
    );
    assert_eq!(
        reason(
            &project,
            &[],
            "cannot read the project's revisions",
            "alembic history"
        ),
        unusable
    );
}

#[tokio::test]
async fn an_interpreter_without_alembic_is_named() {
    let (directory, project) = shop().await;
    let output = directory.path().join("revisions");
    let bare = directory.path().join("bare-python");
    let script = format!("#!/bin/sh\nexec {} -S \"$@\"\n", python().display());
    fs::write(&bare, script).unwrap();
    fs::set_permissions(&bare, Permissions::from_mode(0o755)).unwrap();

    let error = refused_with(&bare, &project, &output, &[]);
    let message = error["message"].as_str().unwrap();
    assert!(message.contains("has no usable Alembic"), "{message}");
    assert!(error["hint"].as_str().unwrap().contains("--python"));
    let error = refused_with(Path::new("/nowhere/python"), &project, &output, &[]);
    assert_eq!(error["reason"], "PYTHON_UNUSABLE");
}

#[tokio::test]
async fn a_directory_with_scripts_is_left_alone() {
    let (directory, project) = shop().await;
    let output = directory.path().join("revisions");
    fs::create_dir(&output).unwrap();
    fs::write(output.join("README"), "about").unwrap();
    assert_eq!(import(&project, &output, &[]).status.code(), Some(4));
    assert!(output.join("README").exists());
    let names = || -> BTreeSet<_> {
        let entries = fs::read_dir(&output).unwrap();
        entries.map(|entry| entry.unwrap().file_name()).collect()
    };
    let before = names();

    let again = import(&project, &output, &["--json"]);

    assert_eq!(again.status.code(), Some(1));
    let error: Value = serde_json::from_slice(&again.stderr).unwrap();
    assert_eq!(error["error"]["reason"], "OUTPUT_NOT_EMPTY");
    assert_eq!(names(), before);
}
