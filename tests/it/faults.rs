//! Faults that come from outside while the daemon works: sessions that the server ends, tools that are killed, connections
//! that are cut or stand still, disks that are full, and others' locks and DDL. After each, [`Before::nothing_is_left`]
//! looks at all that the operation could have left behind.

use std::fs;

use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use pgsteward::proto::{
    GetOperationRequest, ListBackupsRequest, Operation, OperationError, RestoreRequest,
    RunDrillRequest, VerifyBackupRequest, operation::Outcome,
};

use crate::support::{
    Client, Daemon, Site,
    chaos::{Proxy, before_server},
    client::failure_of,
    cluster::cluster,
    wait::until,
};

mod dumping;
mod loading;
mod locks;
mod room;
mod stages;

/// Rows of about 20 MB: more than all buffers between the server and the daemon hold.
const BIG: &str = "
    CREATE TABLE big AS SELECT n AS id, repeat(md5(n::text), 3) AS name FROM generate_series(1, 200000) n";
/// Bytes after which the way of these rows is cut or stalled.
const ON_THE_WAY: u64 = 4 * 1024 * 1024;

const SMALL: &str =
    "CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 200) n";

/// What there was before the fault.
struct Before {
    rows: String,
    listed: Vec<String>,
    files: Vec<String>,
}

impl Before {
    async fn of(site: &Site, client: &Client) -> Self {
        Self {
            rows: rows(site).await,
            listed: listed(client).await,
            files: site.stored_files(),
        }
    }

    /// After the fault everything is as it was, and nothing that the operation used or made is there.
    async fn nothing_is_left(&self, site: &Site, daemon: &Daemon) {
        until("what was noted is swept", || async {
            let noted = "SELECT count(*) FROM artifacts";
            (site.databases.control_value::<i64>(noted).await == 0).then_some(())
        })
        .await;
        assert_eq!(site.databases.scratch_databases().await, [""; 0]);
        assert_eq!(site.stored_files(), self.files);
        assert_eq!(listed(daemon.client()).await, self.listed);
        assert_eq!(rows(site).await, self.rows);
        daemon.has_no_children().await;
        no_tool_runs(site).await;
        no_session_works(site).await;
    }
}

/// All rows of the live database in one number.
async fn rows(site: &Site) -> String {
    let query = "
        SELECT coalesce(string_agg(query_to_xml(format('SELECT count(*) AS n, sum(hashtext(t::text)) AS s FROM %s AS t',
            oid::regclass), true, false, '')::text, '' ORDER BY relname), '')
        FROM pg_class WHERE relkind = 'r' AND relnamespace = 'public'::regnamespace";
    site.databases.value(query).await
}

/// The names of all backups; none of the others may be there.
async fn listed(client: &Client) -> Vec<String> {
    let request = ListBackupsRequest::default();
    let answer = client.backup().list_backups(request).await.unwrap();
    let answer = answer.into_inner();
    assert_eq!(answer.unreadable_manifests, [""; 0]);
    let backups = answer.backups.into_iter();
    backups.map(|backup| backup.filename).collect()
}

/// Waits until no session of the test's roles works: those of pools are idle, and the daemon's liveness stays.
async fn no_session_works(site: &Site) {
    let query = format!(
        "SELECT string_agg(concat_ws(' ', datname, application_name, state, query), '; ') FROM pg_stat_activity
         WHERE usename ~ '^{}' AND starts_with(application_name, 'pgsteward')
           AND application_name <> 'pgsteward liveness'
           AND (application_name !~ '^pgsteward [-0-9a-f]{{36}}$' OR state <> 'idle')",
        site.databases.role("")
    );
    until("no session of the operation stays", || async {
        let working: Option<String> = site.databases.value(&query).await;
        working.is_none().then_some(())
    })
    .await;
}

/// Waits until no tool that a daemon of this site started runs, be it the child of a daemon that was killed.
async fn no_tool_runs(site: &Site) {
    until("no tool stays", || async {
        tools(&format!("PGUSER={}", site.databases.role("")))
            .is_empty()
            .then_some(())
    })
    .await;
}

/// The processes in whose environment a variable begins so, with their command lines.
fn tools(variable: &str) -> Vec<(Pid, String)> {
    let mut found = Vec::new();
    for entry in fs::read_dir("/proc").unwrap() {
        let path = entry.unwrap().path();
        let Some(pid) = path
            .file_name()
            .and_then(|name| name.to_str()?.parse().ok())
        else {
            continue;
        };
        // A process may end while it is looked at.
        let read = |name| fs::read(path.join(name)).unwrap_or_default();
        let environment = read("environ");
        let mut variables = environment.split(|byte| *byte == 0);
        if variables.any(|known| known.starts_with(variable.as_bytes())) {
            let line = String::from_utf8_lossy(&read("cmdline")).replace('\0', " ");
            found.push((Pid::from_raw(pid), line));
        }
    }
    found
}

/// Kills every `pg_restore` of the site whose arguments hold this text; of parallel ones the leader goes first.
fn kill_restoring(site: &Site, argument: &str) {
    let mut running = tools(&format!("PGUSER={}", site.databases.role("")));
    running.retain(|(_, line)| line.contains(argument));
    running.sort();
    let (leader, _) = running.first().expect("no such tool runs");
    kill(*leader, Signal::SIGKILL).unwrap();
}

/// Ends sessions of the test's roles on the server; gives how many.
async fn end_sessions(site: &Site, which: &str) -> i64 {
    let end = format!(
        "SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE usename ~ '^{}' AND {which}",
        site.databases.role("")
    );
    site.databases.value(&end).await
}

/// A proxy between the daemon and the server of the managed database; its control store is on the direct way.
async fn behind_proxy(site: &mut Site) -> Proxy {
    let proxy = before_server().await;
    site.reach_database_at(proxy.address.port());
    proxy
}

/// Puts the direct way back for the daemons that are started from now on.
fn without_proxy(site: &mut Site) {
    site.reach_database_at(cluster().port);
}

/// The connection was lost in the middle of this; what had it first tells it.
fn is_told_as_lost(error: &OperationError, doing: &str) {
    if error.reason != "LOCK_LOST" {
        is_told(error, "POSTGRES_UNAVAILABLE", doing);
    }
    assert!(!error.hint.is_empty(), "{error:?}");
}

/// The error names a thing, has a reason, and says what to do where it is not plain.
fn is_told(error: &OperationError, reason: &str, names: &str) {
    assert_eq!(error.reason, reason, "{error:?}");
    assert!(error.message.contains(names), "{error:?}");
}

/// Reads the whole backup and compares each table with the manifest.
async fn verify_in_full(client: &Client, filename: &str) {
    let request = VerifyBackupRequest {
        filename: filename.to_owned(),
        ..VerifyBackupRequest::default()
    };
    let answer = client.backup().verify_backup(request).await.unwrap();
    client.outcome(answer.into_inner().operation).await;
}

/// Starts a restore into another database.
async fn start_beside(site: &Site, client: &Client, filename: &str) -> Option<Operation> {
    let name = site.databases.role("copy");
    let request = RestoreRequest {
        filename: filename.to_owned(),
        confirm_database: name.clone(),
        into_database: name,
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    answer.into_inner().operation
}

/// Starts a restore of the live database, which is in maintenance mode.
async fn start_live(client: &Client, filename: &str) -> Option<Operation> {
    let request = RestoreRequest {
        filename: filename.to_owned(),
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        skip_last_backup: true,
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    answer.into_inner().operation
}

async fn start_drill(client: &Client) -> Option<Operation> {
    let request = RunDrillRequest::default();
    let answer = client.restore().run_drill(request).await.unwrap();
    answer.into_inner().operation
}

async fn get(client: &Client, id: &str) -> Operation {
    let request = GetOperationRequest { id: id.to_owned() };
    let answer = client.operations().get_operation(request).await.unwrap();
    answer.into_inner().operation.unwrap()
}

/// Waits until the operation says whom it waits for.
async fn waits_for(client: &Client, id: &str, whom: &str) {
    until("the operation waits", || async {
        let progress = get(client, id).await.progress.unwrap();
        (progress.message == format!("waits for {whom}")).then_some(())
    })
    .await;
}

/// The operation of a daemon that was killed is ended by the next.
async fn died_with_its_daemon(client: &Client, id: &str) {
    let ended = until("the orphan is ended", || async {
        Some(get(client, id).await).filter(|operation| operation.done)
    })
    .await;
    assert_eq!(failure_of(ended).reason, "DAEMON_DIED");
}

fn backup_of(outcome: Outcome) -> pgsteward::proto::Backup {
    match outcome {
        Outcome::Backup(backup) => backup,
        other => panic!("{other:?}"),
    }
}
