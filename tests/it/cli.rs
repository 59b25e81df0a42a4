//! The command line against a real daemon: what scripts build on, its output and its exit codes.

use std::process::{Command, Output};

use crate::support::{self, Daemon, Site, probe::until_serves};

/// Runs the client with the words of `line`.
pub(crate) fn cli(daemon: &Daemon, line: &str) -> Output {
    run(&daemon.address, line)
}

/// The output of a command that is told where the daemon is.
pub(crate) fn run(address: &str, line: &str) -> Output {
    Command::new(env!("CARGO_BIN_EXE_pgsteward"))
        .args(line.split_whitespace())
        .env("PGSTEWARD_ADDR", address)
        .env_remove("PGSTEWARD_TOKEN")
        .output()
        .unwrap()
}

/// The standard output of a command that must succeed.
pub(crate) fn succeeds(daemon: &Daemon, line: &str) -> String {
    let output = cli(daemon, line);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{line}: {said}");
    String::from_utf8(output.stdout).unwrap()
}

/// The standard error of a command that must end with this code.
pub(crate) fn ends_with(code: i32, output: &Output) -> String {
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(code), "{said}");
    said
}

async fn with_revision() -> (Site, Daemon) {
    let (site, daemon) = support::start().await;
    daemon
        .client()
        .revision("CREATE TABLE things (n int)", "DROP TABLE things")
        .await;
    (site, daemon)
}

#[tokio::test(flavor = "multi_thread")]
async fn a_dry_run_prints_the_sql_and_changes_nothing() {
    let (_site, daemon) = with_revision().await;
    let plan = succeeds(&daemon, "migrate upgrade --dry-run");
    assert!(plan.contains("CREATE TABLE things"), "{plan}");
    ends_with(4, &cli(&daemon, "migrate current --check"));
    succeeds(&daemon, "backup retention --dry-run");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_whole_way_of_a_migration_and_its_check() {
    let (_site, daemon) = with_revision().await;
    succeeds(&daemon, "migrate upgrade");
    succeeds(&daemon, "migrate current --check");
    let history = succeeds(&daemon, "migrate history");
    assert_eq!(history.matches("(base)").count(), 1, "{history}");
    succeeds(&daemon, "migrate downgrade -1");
    ends_with(4, &cli(&daemon, "migrate current --check"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_is_made_listed_downloaded_and_verified() {
    let (site, daemon) = with_revision().await;
    succeeds(&daemon, "migrate upgrade");
    let made: serde_json::Value =
        serde_json::from_str(&succeeds(&daemon, "--json backup create")).unwrap();
    let filename = made["backup"]["filename"].as_str().unwrap();
    assert!(succeeds(&daemon, "backup list").contains(filename));
    let target = site.path("copy.sql.gz");
    succeeds(
        &daemon,
        &format!("backup download {filename} -o {}", target.display()),
    );
    let stored = std::fs::read(site.store().join(filename)).unwrap();
    assert_eq!(std::fs::read(&target).unwrap(), stored);
    succeeds(&daemon, &format!("backup verify {filename}"));
    let status = succeeds(&daemon, "status");
    assert!(
        status.contains("healthy") && status.contains("in sync"),
        "{status}"
    );
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restore_by_the_command_line_needs_maintenance_mode_and_the_name() {
    let (_site, daemon) = with_revision().await;
    succeeds(&daemon, "migrate upgrade");
    succeeds(&daemon, "backup create");
    let listed: serde_json::Value =
        serde_json::from_str(&succeeds(&daemon, "--json backup list")).unwrap();
    let filename = listed["backups"][0]["filename"]
        .as_str()
        .unwrap()
        .to_owned();

    ends_with(4, &cli(&daemon, &format!("restore plan {filename}")));
    let restore = |confirm: &str| {
        cli(
            &daemon,
            &format!("restore run {filename} --confirm {confirm} --reason test"),
        )
    };
    let said = ends_with(1, &restore("app"));
    assert!(
        said.contains("MAINTENANCE_MODE") && said.contains("EnterMaintenance"),
        "{said}"
    );
    succeeds(
        &daemon,
        "maintenance enter --reason test --drain 1s --for 2h",
    );
    let shown = succeeds(&daemon, "maintenance show");
    assert!(shown.contains("ends by itself: "), "{shown}");
    assert!(succeeds(&daemon, "status").contains("in maintenance mode until 20"));
    succeeds(&daemon, &format!("restore plan {filename}"));
    let said = ends_with(1, &restore("other"));
    assert!(said.contains("confirm_database"), "{said}");
    ends_with(0, &restore("app"));
    assert!(succeeds(&daemon, "restore replaced").contains("pgsteward_replaced_"));
    succeeds(&daemon, "restore rollback --confirm app --reason test");
    succeeds(&daemon, "maintenance exit");
    let tables = succeeds(
        &daemon,
        "maintenance optimize --jobs 2 --freeze --no-truncate",
    );
    assert!(
        tables.contains(" optimized, 0 skipped, 0 failed"),
        "{tables}"
    );
    let analyzed = succeeds(&daemon, "maintenance optimize --stale --analyze-only");
    assert!(analyzed.contains("needed nothing"), "{analyzed}");
    let rebuilt = succeeds(&daemon, "maintenance reindex --schema public");
    assert!(
        rebuilt.contains(" rebuilt, 0 skipped, 0 failed"),
        "{rebuilt}"
    );
    let stats = succeeds(&daemon, "--json maintenance stats --limit 5");
    let stats: serde_json::Value = serde_json::from_str(&stats).unwrap();
    assert_eq!(stats["database"], "app");
    ends_with(
        1,
        &cli(&daemon, "maintenance optimize --table public.nothing"),
    );
    let audit = succeeds(&daemon, "audit list");
    assert!(audit.contains("RollbackRestore"), "{audit}");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn errors_are_objects_with_json_and_have_their_exit_codes() {
    let (_site, daemon) = support::start().await;
    let output = cli(&daemon, "--json backup show ../etc/passwd");
    let said = ends_with(1, &output);
    let error: serde_json::Value = serde_json::from_str(&said).unwrap();
    assert_eq!(error["error"]["reason"], "INVALID_FILENAME");
    ends_with(2, &cli(&daemon, "backup shwo"));
    let address = daemon.address.clone();
    daemon.stop().await;
    ends_with(3, &run(&address, "status"));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_probe_has_the_codes_of_grpc_health_probe() {
    let (_site, daemon) = support::start().await;
    until_serves(daemon.client(), "readiness", true).await;
    succeeds(&daemon, "health --service readiness");
    ends_with(3, &cli(&daemon, "health --service nobody"));
    succeeds(&daemon, "maintenance enter --reason test");
    until_serves(daemon.client(), "database/app", false).await;
    ends_with(4, &cli(&daemon, "health --service database/app"));
    daemon.stop().await;
}
