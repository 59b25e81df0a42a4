//! `pgsteward migrate …` against a real daemon: the graph, reviews and approvals, what is destroyed only by name, drift,
//! stamps, and scripts for those who run them by hand.

use std::{
    fs,
    process::{Command, Output},
};

use pgsteward::{
    model::method::Role,
    proto::{CreateRevisionRequest, Revision},
};
use serde_json::Value;

use crate::{
    cli::{cli, ends_with, succeeds},
    support::{
        self, Client, Daemon, Site,
        tokens::{self, token},
    },
};

const TABLE: [&str; 2] = [
    "CREATE TABLE orders (id bigint PRIMARY KEY, total numeric);",
    "DROP TABLE orders;",
];
const NO_TOTAL: [&str; 2] = [
    "ALTER TABLE orders DROP COLUMN total;",
    "ALTER TABLE orders ADD COLUMN total numeric;",
];

fn json(daemon: &Daemon, line: &str) -> Value {
    serde_json::from_str(&succeeds(daemon, &format!("--json {line}"))).unwrap()
}

/// Runs the client as the principal of a role.
fn cli_as(role: Role, daemon: &Daemon, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pgsteward"))
        .args(line.split_whitespace())
        .env("PGSTEWARD_ADDR", &daemon.address)
        .env("PGSTEWARD_TOKEN", token(role))
        .output()
        .unwrap()
}

/// A revision on the given parent; on no other where none is given.
async fn branch(client: &Client, message: &str, parent: &str, label: &str) -> Revision {
    let request = CreateRevisionRequest {
        message: message.to_owned(),
        parents: vec![parent.to_owned()],
        upgrade_sql: format!("CREATE TABLE {message} ();"),
        downgrade_sql: format!("DROP TABLE {message};"),
        branch_label: label.to_owned(),
        ..CreateRevisionRequest::default()
    };
    let answer = client.migration().create_revision(request).await.unwrap();
    answer.into_inner().revision.unwrap()
}

/// A site whose database has a table `orders`, and a pending revision that drops a column of it.
async fn with_pending_drop() -> (Site, Daemon, Revision) {
    let (site, daemon) = support::start().await;
    daemon.client().revision(TABLE[0], TABLE[1]).await;
    succeeds(&daemon, "migrate upgrade");
    let drop = daemon.client().revision(NO_TOTAL[0], NO_TOTAL[1]).await;
    (site, daemon, drop)
}

/// The name by which the column's end is acknowledged.
fn name_of_drop(plan: &Value) -> String {
    let findings = plan["migration"]["steps"][0]["findings"].as_array();
    let errors: Vec<&Value> = findings
        .unwrap()
        .iter()
        .filter(|finding| finding["severity"] == "FINDING_SEVERITY_ERROR")
        .collect();
    assert_eq!(errors.len(), 1, "{plan}");
    errors[0]["name"].as_str().unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_history_draws_branches_and_their_merge() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let first = branch(client, "first", "base", "").await.revision;
    succeeds(&daemon, "migrate upgrade");
    branch(client, "left", &first, "left").await;
    branch(client, "right", &first, "right").await;
    succeeds(&daemon, "migrate merge left right -m joined");

    let history = succeeds(&daemon, "migrate history");
    let lines: Vec<&str> = history.lines().collect();
    assert_eq!(lines.len(), 6, "{history}");
    let merged = lines[0].starts_with("o ") && lines[0].ends_with("(head) joined");
    assert!(merged, "{history}");
    assert_eq!((lines[1], lines[4]), ("|\\", "|/"), "{history}");
    // Which of two comes first that were made in the same second is up to their ids.
    let mut branches = [lines[2], lines[3]];
    branches.sort_by_key(|line| line.starts_with('|'));
    let [left, right] = branches;
    assert!(left.starts_with("o | ") && left.ends_with("[left] left"));
    assert!(right.starts_with("| o ") && right.ends_with("[right] right"));
    let base = lines[5].contains(&first) && lines[5].contains(" applied ");
    assert!(base && lines[5].ends_with("(base) first"), "{history}");
    assert!(history.is_ascii(), "{history}");

    let listed = json(&daemon, "migrate history");
    assert_eq!(listed["revisions"].as_array().unwrap().len(), 4);
    assert_eq!(listed["revisions"][0]["message"], "joined");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_destroys_is_run_only_when_named_and_after_a_backup() {
    let (_site, daemon, drop) = with_pending_drop().await;
    let name = name_of_drop(&json(&daemon, "migrate upgrade --dry-run"));
    let plan = succeeds(&daemon, "migrate upgrade --dry-run");
    for part in [
        "a backup would be made first",
        &format!("error: {name}"),
        "it would be refused:",
        "DESTRUCTIVE_NOT_ACKNOWLEDGED",
    ] {
        assert!(plan.contains(part), "{part}\n{plan}");
    }

    let said = ends_with(1, &cli(&daemon, "migrate upgrade"));
    assert!(said.contains(&name), "{said}");
    // Nobody reads a pipe and then types.
    assert!(!said.contains("--acknowledge"), "{said}");
    let said = ends_with(1, &cli(&daemon, "migrate upgrade --acknowledge other"));
    assert!(said.contains("DESTRUCTIVE_NOT_ACKNOWLEDGED"), "{said}");

    let done = succeeds(&daemon, &format!("migrate upgrade --acknowledge {name}"));
    let backup = done
        .lines()
        .find_map(|line| line.strip_prefix("backup before:"))
        .unwrap()
        .trim();
    assert!(succeeds(&daemon, "backup list").contains(backup));
    assert!(done.contains("rehearsed:"), "{done}");
    let shown = succeeds(&daemon, &format!("migrate show {}", drop.revision));
    assert!(shown.contains(&format!("backup {backup}")), "{shown}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_rehearsal_alone_shows_what_each_statement_does_and_changes_nothing() {
    let (_site, daemon, drop) = with_pending_drop().await;
    let seen = succeeds(&daemon, "migrate upgrade --dry-run --rehearse");
    assert!(
        seen.contains(&format!("rehearsal of the upgrade of {}", drop.revision)),
        "{seen}"
    );
    assert!(
        seen.contains("AccessExclusiveLock on public.orders"),
        "{seen}"
    );
    ends_with(4, &cli(&daemon, "migrate current --check"));
    succeeds(&daemon, "migrate downgrade -1 --dry-run --rehearse");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_review_shows_findings_and_the_rehearsal_unless_it_is_switched_off() {
    let (_site, daemon, drop) = with_pending_drop().await;
    let name = name_of_drop(&json(&daemon, "migrate upgrade --dry-run"));
    let read = succeeds(&daemon, "migrate review --no-rehearsal");
    assert!(read.contains("\nnot rehearsed\n"), "{read}");
    assert!(read.contains(&format!("\nerror: {name}\n")), "{read}");
    let review = succeeds(&daemon, &format!("migrate review {}", drop.revision));
    for part in [
        drop.sha256.as_str(),
        "rehearsal of the upgrade of",
        "app: 1 revision reviewed: 1 error",
        &format!("an upgrade must acknowledge: {name}"),
    ] {
        assert!(review.contains(part), "{part}\n{review}");
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_approval_is_of_the_file_that_was_read() {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    site.set("migrations.require_approval", "true");
    let daemon = site.start().await;
    let operator = daemon.client_with(&token(Role::Operator)).await;
    let made = operator.revision(TABLE[0], TABLE[1]).await;

    let said = ends_with(1, &cli_as(Role::Operator, &daemon, "migrate upgrade"));
    assert!(said.contains("REVISION_NOT_APPROVED"), "{said}");
    let approve = |sha256: &str| {
        let line = format!(
            "migrate approve {} --sha256 {sha256} -m fine",
            made.revision
        );
        cli_as(Role::Admin, &daemon, &line)
    };
    let said = ends_with(1, &approve(&"0".repeat(64)));
    assert!(said.contains("REVISION_CHANGED"), "{said}");
    let output = approve(&made.sha256);
    ends_with(0, &output);
    let approved = String::from_utf8(output.stdout).unwrap();
    assert!(
        approved.contains("author:         operator\n"),
        "{approved}"
    );
    assert!(approved.contains("approved:       admin at "), "{approved}");
    assert!(approved.contains(": fine\n"), "{approved}");
    ends_with(0, &cli_as(Role::Operator, &daemon, "migrate upgrade"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn drift_is_named_and_ends_as_a_condition_that_does_not_hold() {
    let (site, daemon) = support::start().await;
    daemon.client().revision(TABLE[0], TABLE[1]).await;
    succeeds(&daemon, "migrate upgrade");
    let report = succeeds(&daemon, "migrate drift");
    assert!(
        report.starts_with("app: the live schema is what the revisions made\n"),
        "{report}"
    );

    let by_hand = "ALTER TABLE orders ADD COLUMN behind_our_back int";
    site.databases.run(by_hand).await;
    let output = cli(&daemon, "migrate drift");
    ends_with(4, &output);
    let report = String::from_utf8(output.stdout).unwrap();
    assert!(
        report.contains("added   column public.orders.behind_our_back was added"),
        "{report}"
    );
    let output = cli(&daemon, "--json migrate drift");
    ends_with(4, &output);
    let operation: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(operation["drift"]["drifted"], true);
    // Whoever waits for it ends as the command itself would.
    let id = operation["id"].as_str().unwrap();
    ends_with(4, &cli(&daemon, &format!("ops wait {id}")));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stamp_against_the_live_schema_needs_force_and_a_reason() {
    let (_site, daemon) = support::start().await;
    let made = daemon.client().revision(TABLE[0], TABLE[1]).await;
    let said = ends_with(1, &cli(&daemon, "migrate stamp head"));
    assert!(said.contains("public.orders"), "{said}");
    ends_with(2, &cli(&daemon, "migrate stamp head --force"));
    let stamped = succeeds(&daemon, "migrate stamp head --force --reason test");
    assert!(
        stamped.contains(&format!("app: stamped from base to {}\n", made.revision)),
        "{stamped}"
    );
    assert!(stamped.contains("public.orders"), "{stamped}");
    succeeds(&daemon, "migrate current --check");
    succeeds(&daemon, "migrate stamp base --purge");
    let shown = succeeds(&daemon, &format!("migrate show {}", made.revision));
    assert!(shown.contains("reason: test"), "{shown}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_edited_script_is_marked_until_it_is_restamped() {
    let (site, daemon) = support::start().await;
    let made = daemon.client().revision(TABLE[0], TABLE[1]).await;
    succeeds(&daemon, "migrate upgrade");
    let file = site.revisions().join(&made.filename);
    let text = fs::read_to_string(&file).unwrap();
    fs::write(&file, text.replace("total numeric", "total bigint")).unwrap();

    let history = succeeds(&daemon, "migrate history");
    assert!(history.starts_with("!  "), "{history}");
    assert!(history.contains("(edited)"), "{history}");
    let said = ends_with(1, &cli(&daemon, "migrate upgrade"));
    assert!(said.contains("REVISION_EDITED"), "{said}");
    let show = format!("migrate show {}", made.revision);
    let sql = succeeds(&daemon, &format!("{show} --sql"));
    assert!(
        sql.starts_with("-- This is the file as it is now."),
        "{sql}"
    );
    assert!(sql.contains("total bigint"), "{sql}");
    let applied = &json(&daemon, &show)["appliedScript"];
    assert!(applied.as_str().unwrap().contains("total numeric"));

    ends_with(
        2,
        &cli(&daemon, &format!("migrate restamp {}", made.revision)),
    );
    succeeds(
        &daemon,
        &format!("migrate restamp {} --reason typing", made.revision),
    );
    assert!(succeeds(&daemon, "migrate history").starts_with("*  "));
    let shown = succeeds(&daemon, &show);
    assert!(shown.contains("  restamp  applied"), "{shown}");
    succeeds(&daemon, "migrate upgrade");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_sql_between_two_versions_is_printed_or_written_into_a_file() {
    let (site, daemon) = support::start().await;
    let first = daemon.client().revision(TABLE[0], TABLE[1]).await.revision;
    daemon.client().revision(NO_TOTAL[0], NO_TOTAL[1]).await;
    let whole = succeeds(&daemon, "migrate sql");
    assert_eq!(succeeds(&daemon, "migrate sql base:head"), whole);
    let rest = succeeds(&daemon, &format!("migrate sql {first}:"));
    assert!(!rest.contains("CREATE TABLE orders"), "{rest}");
    let down = succeeds(&daemon, "migrate sql head:base");
    assert!(down.contains("DROP TABLE orders"), "{down}");
    ends_with(2, &cli(&daemon, "migrate sql head"));

    let file = site.path("first.sql");
    let line = format!("migrate sql :{first} --output {}", file.display());
    assert_eq!(succeeds(&daemon, &line), "");
    let script = fs::read_to_string(&file).unwrap();
    assert_eq!(
        script,
        succeeds(&daemon, &format!("migrate sql base:{first}"))
    );
    assert!(!script.contains("DROP COLUMN"), "{script}");
    let nowhere = site.path("none").join("first.sql");
    let line = format!("migrate sql --output {}", nowhere.display());
    let said = ends_with(1, &cli(&daemon, &line));
    assert!(said.contains("cannot write"), "{said}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_database_without_a_version_is_taken_over() {
    let (site, daemon) = support::start().await;
    site.databases.run(TABLE[0]).await;
    let taken = succeeds(&daemon, "migrate baseline -m takeover");
    assert!(taken.contains("app: stamped from base to "), "{taken}");
    let file = taken
        .lines()
        .find_map(|line| line.strip_prefix("file:"))
        .unwrap()
        .trim();
    let script = fs::read_to_string(site.revisions().join(file)).unwrap();
    assert!(script.contains("CREATE TABLE public.orders"), "{script}");
    let history = succeeds(&daemon, "migrate history");
    assert!(history.ends_with("(head) (base) takeover\n"), "{history}");
    succeeds(&daemon, "migrate current --check");
    succeeds(&daemon, "migrate drift");
    daemon.stop().await;
}
