//! The private cluster, with the system's real PostgreSQL programs: its life through kills, and what its roles may do.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod roles;

use std::{
    fs::{self, Permissions},
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
    time::{Duration, Instant},
};

use nix::{
    sys::signal::{Signal, kill},
    unistd::{Pid, geteuid},
};
use pgsteward::{
    model::failure::Classified,
    postgres::embedded::{Embedded, EmbeddedConfig, EmbeddedError},
    tools::binaries::Binaries,
};
use secrecy::{ExposeSecret, SecretString};
use tempfile::TempDir;
use tokio_postgres::{Client, Config, NoTls, error::SqlState};

/// A scratch data directory. Whatever server runs in it at the end of a test, failed or not, is ended.
struct Scratch {
    directory: TempDir,
    /// Below `directory`; deeper in some tests.
    data: PathBuf,
}

impl Scratch {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        // The server's account has to pass through.
        fs::set_permissions(directory.path(), Permissions::from_mode(0o755)).unwrap();
        let data = directory.path().join("data");
        Self { directory, data }
    }

    fn config(&self) -> EmbeddedConfig {
        EmbeddedConfig {
            data_directory: self.data.clone(),
            binaries: None,
            user: None,
        }
    }

    async fn start(&self) -> Embedded {
        Embedded::start(&self.config()).await.unwrap()
    }

    fn pid_file(&self) -> PathBuf {
        self.data.join("postgres/postmaster.pid")
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        let Ok(text) = fs::read_to_string(self.pid_file()) else {
            return;
        };
        let Some(pid) = text.lines().next().and_then(|line| line.parse().ok()) else {
            return;
        };
        // Only a process that names this very directory is ours to end.
        let arguments = fs::read_to_string(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        if arguments.contains(self.directory.path().to_str().unwrap()) {
            let _ = kill(Pid::from_raw(pid), Signal::SIGQUIT);
            wait_for_end(pid);
        }
    }
}

/// Waits until a process is gone, or a zombie of this one.
fn wait_for_end(pid: i32) {
    let deadline = Instant::now() + Duration::from_secs(30);
    while Instant::now() < deadline {
        match fs::read_to_string(format!("/proc/{pid}/stat")) {
            Ok(stat) if !stat.contains(") Z ") => std::thread::yield_now(),
            _ => return,
        }
    }
    panic!("process {pid} did not end");
}

async fn try_connect(url: &SecretString) -> Result<Client, tokio_postgres::Error> {
    let config: Config = url.expose_secret().parse().unwrap();
    let (client, connection) = config.connect(NoTls).await?;
    tokio::spawn(connection);
    Ok(client)
}

async fn connect(url: &SecretString) -> Client {
    try_connect(url).await.unwrap()
}

async fn run(url: &SecretString, statements: &str) {
    if let Err(error) = connect(url).await.batch_execute(statements).await {
        panic!("{statements}: {error:?}");
    }
}

async fn number(url: &SecretString, query: &str) -> i64 {
    connect(url)
        .await
        .query_one(query, &[])
        .await
        .unwrap()
        .get(0)
}

fn pid_of(embedded: &Embedded) -> Pid {
    Pid::from_raw(embedded.pid().unwrap().try_into().unwrap())
}

#[tokio::test]
async fn the_cluster_is_private_and_restarting_it_keeps_data_and_passwords() {
    let scratch = Scratch::new();
    let embedded = scratch.start().await;
    let pid = embedded.pid().unwrap();
    let owner = fs::metadata(format!("/proc/{pid}")).unwrap().uid();
    assert_ne!(owner, 0, "the server runs as root");
    let data = &scratch.data;
    for (name, mode, daemons) in [
        ("postgres", 0o700, false),
        ("run", 0o700, false),
        ("credentials.json", 0o600, true),
        ("postgres.log", 0o600, true),
        ("pgsteward.lock", 0o600, true),
    ] {
        let found = fs::metadata(data.join(name)).unwrap();
        assert_eq!(found.mode() & 0o777, mode, "{name}");
        let expected = if daemons { geteuid().as_raw() } else { owner };
        assert_eq!(found.uid(), expected, "{name}");
    }
    for entry in fs::read_dir(data.join("postgres")).unwrap() {
        let entry = entry.unwrap();
        assert_eq!(entry.metadata().unwrap().uid(), owner, "{:?}", entry.path());
    }
    let strangers: Vec<_> = fs::read_dir(data)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.contains("new") || name.contains("password"))
        .collect();
    assert!(strangers.is_empty(), "{strangers:?}");

    let urls = embedded.managed();
    run(
        &urls.migrator,
        "CREATE TABLE kept (n int); INSERT INTO kept VALUES (42)",
    )
    .await;
    embedded.stop().await.unwrap();
    wait_for_end(pid.try_into().unwrap());

    let embedded = scratch.start().await;
    assert_eq!(
        embedded.managed().backup.expose_secret(),
        urls.backup.expose_secret()
    );
    assert_eq!(number(&urls.backup, "SELECT n::bigint FROM kept").await, 42);
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn the_server_is_reached_by_its_socket_and_password_alone() {
    let scratch = Scratch::new();
    let embedded = scratch.start().await;
    let url = embedded.managed().migrator;

    let client = connect(&url).await;
    for (setting, value) in [
        ("listen_addresses", ""),
        ("fsync", "on"),
        ("data_checksums", "on"),
        ("password_encryption", "scram-sha-256"),
        ("cluster_name", "pgsteward"),
        ("server_encoding", "UTF8"),
        ("unix_socket_permissions", "0700"),
    ] {
        let row = client
            .query_one("SELECT current_setting($1)", &[&setting])
            .await
            .unwrap();
        assert_eq!(row.get::<_, String>(0), value, "{setting}");
    }
    let descriptors = fs::read_dir(format!("/proc/{}/fd", embedded.pid().unwrap())).unwrap();
    let tcp = ["tcp", "tcp6"].map(|table| fs::read_to_string(format!("/proc/net/{table}")));
    for descriptor in descriptors {
        let target = fs::read_link(descriptor.unwrap().path()).unwrap();
        let target = target.to_string_lossy();
        if let Some(inode) = target.strip_prefix("socket:[") {
            let inode = format!(" {} ", inode.trim_end_matches(']'));
            assert!(
                tcp.iter().flatten().all(|table| !table.contains(&inode)),
                "a TCP socket"
            );
        }
    }

    let mut config: Config = url.expose_secret().parse().unwrap();
    for role in ["postgres", "pgsteward", "app_admin", "app_migrator", "app"] {
        let error = config
            .user(role)
            .password("wrong")
            .connect(NoTls)
            .await
            .err()
            .unwrap();
        assert_eq!(error.code(), Some(&SqlState::INVALID_PASSWORD), "{role}");
    }
    let log = fs::read_to_string(scratch.data.join("postgres.log")).unwrap();
    let passwords = fs::read_to_string(scratch.data.join("credentials.json")).unwrap();
    for password in passwords.split('"').filter(|word| word.len() == 32) {
        assert!(!log.contains(password), "a password in the log");
    }
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn a_killed_server_is_noticed_and_recovers_what_was_committed() {
    let scratch = Scratch::new();
    let embedded = scratch.start().await;
    let migrator = embedded.managed().migrator;
    run(
        &migrator,
        "CREATE TABLE kept AS SELECT generate_series(1, 10000) n",
    )
    .await;
    // A child at work outlives the postmaster by a moment, and holds the shared memory.
    let busy = connect(&migrator).await;
    let busy = tokio::spawn(async move { busy.batch_execute("SELECT pg_sleep(600)").await });

    kill(pid_of(&embedded), Signal::SIGKILL).unwrap();
    embedded.exited().await;
    assert_eq!(embedded.pid(), None);
    drop(embedded);

    let embedded = scratch.start().await;
    assert!(busy.await.unwrap().is_err());
    assert_eq!(number(&migrator, "SELECT count(*) FROM kept").await, 10_000);
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn a_server_that_its_daemon_left_running_is_adopted_and_can_be_stopped() {
    let scratch = Scratch::new();
    let first = scratch.start().await;
    let pid = first.pid();
    let url = first.managed().migrator;
    let session = connect(&url).await;
    // As after kill -9: nothing but the lock goes away.
    drop(first);

    let second = scratch.start().await;

    assert_eq!(second.pid(), pid);
    session.batch_execute("SELECT 1").await.unwrap();
    second.stop().await.unwrap();
    assert!(!scratch.pid_file().exists());
    assert!(try_connect(&url).await.is_err());
}

#[tokio::test]
async fn pid_files_of_another_program_do_not_stand_in_the_way() {
    let scratch = Scratch::new();
    scratch.start().await.stop().await.unwrap();
    // This test's own process: alive, and no PostgreSQL.
    let stale = format!("{}\n{}\n", std::process::id(), scratch.data.display());
    fs::write(scratch.pid_file(), &stale).unwrap();
    fs::write(scratch.data.join("run/.s.PGSQL.5432.lock"), &stale).unwrap();

    let embedded = scratch.start().await;

    assert_ne!(embedded.pid(), Some(std::process::id()));
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn a_second_daemon_on_one_data_directory_is_told_about_the_first() {
    let scratch = Scratch::new();
    let embedded = scratch.start().await;

    let error = Embedded::start(&scratch.config()).await.unwrap_err();

    assert_eq!(error.reason(), "DATA_DIRECTORY_IN_USE");
    let pid = format!("(pid {})", std::process::id());
    assert!(error.to_string().contains(&pid), "{error}");
    run(&embedded.managed().migrator, "SELECT 1").await;
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn a_cluster_whose_making_was_cut_short_is_made_anew() {
    let scratch = Scratch::new();
    let config = scratch.config();
    let half_made = async {
        loop {
            let entries = fs::read_dir(&scratch.data).into_iter().flatten().flatten();
            if entries
                .map(|entry| entry.path())
                .any(|path| path.join("PG_VERSION").exists())
            {
                break;
            }
            tokio::task::yield_now().await;
        }
    };
    tokio::select! {
        started = Embedded::start(&config) => panic!("it was too fast: {started:?}"),
        () = half_made => {}
    }
    assert!(!scratch.data.join("postgres").exists());

    let embedded = scratch.start().await;

    run(&embedded.managed().migrator, "SELECT 1").await;
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn a_database_whose_making_was_cut_short_is_made_anew_and_a_finished_one_is_left_alone() {
    let scratch = Scratch::new();
    let embedded = scratch.start().await;
    let admin = embedded.managed().admin;
    // Maintenance mode has taken CONNECT from the application; the control store is gone but for a half-made one.
    run(&admin, "REVOKE CONNECT ON DATABASE app FROM app").await;
    let control = embedded.control_owner_url().clone();
    let superuser = superuser_url(&scratch, &embedded);
    run(
        &superuser,
        "ALTER DATABASE pgsteward RENAME TO \"pgsteward.unfinished\"",
    )
    .await;
    embedded.stop().await.unwrap();

    let embedded = scratch.start().await;

    run(&control, "CREATE TABLE operations (id int)").await;
    let error = try_connect(embedded.application_url()).await.err().unwrap();
    assert_eq!(error.code(), Some(&SqlState::INSUFFICIENT_PRIVILEGE));
    let unfinished = "SELECT count(*) FROM pg_database WHERE datname LIKE '%.unfinished'";
    assert_eq!(number(&admin, unfinished).await, 0);
    embedded.stop().await.unwrap();
}

#[tokio::test]
async fn a_control_store_of_before_there_was_an_owner_is_given_to_it() {
    let scratch = Scratch::new();
    let embedded = scratch.start().await;
    let superuser = superuser_url(&scratch, &embedded);
    let superuser = superuser
        .expose_secret()
        .replace("@/postgres?", "@/pgsteward?");
    let superuser = superuser.into();
    run(
        &superuser,
        "CREATE TABLE operations (id int);
         REASSIGN OWNED BY pgsteward_owner TO pgsteward; ALTER TABLE operations OWNER TO pgsteward",
    )
    .await;
    run(
        embedded.control_url(),
        "DROP TABLE operations; CREATE TABLE operations (id int)",
    )
    .await;
    embedded.stop().await.unwrap();

    let embedded = scratch.start().await;

    run(
        embedded.control_owner_url(),
        "ALTER TABLE operations ADD COLUMN n int; ALTER DATABASE pgsteward SET work_mem = '5MB'",
    )
    .await;
    let owned = "SELECT count(*) FROM pg_class WHERE relowner = 'pgsteward'::regrole";
    assert_eq!(number(embedded.control_owner_url(), owned).await, 0);
    embedded.stop().await.unwrap();
}

/// What only this suite makes for itself: no URL of the superuser is handed out.
fn superuser_url(scratch: &Scratch, embedded: &Embedded) -> SecretString {
    let stored = fs::read_to_string(scratch.data.join("credentials.json")).unwrap();
    let passwords: serde_json::Value = serde_json::from_str(&stored).unwrap();
    let password = passwords["postgres"].as_str().unwrap();
    let socket = embedded.socket_directory().display();
    format!("postgresql://postgres:{password}@/postgres?host={socket}").into()
}

#[tokio::test]
async fn a_cluster_of_another_major_version_is_refused_by_both_numbers() {
    let scratch = Scratch::new();
    let cluster = scratch.data.join("postgres");
    fs::create_dir_all(&cluster).unwrap();
    if geteuid().is_root() {
        let account = nix::unistd::User::from_name("nobody").unwrap().unwrap();
        std::os::unix::fs::chown(&cluster, Some(account.uid.as_raw()), None).unwrap();
    }
    fs::write(cluster.join("PG_VERSION"), "9\n").unwrap();

    let error = Embedded::start(&scratch.config()).await.unwrap_err();

    let installed = Binaries::find(None, &["initdb", "postgres"]).unwrap();
    let major = installed.version().await.unwrap().major;
    let message = error.to_string();
    assert!(message.contains("PostgreSQL 9,"), "{message}");
    assert!(
        message.contains(&format!("PostgreSQL {major} (")),
        "{message}"
    );
}

#[tokio::test]
async fn a_parent_that_the_servers_account_may_not_enter_is_named() {
    if !geteuid().is_root() {
        // Any other daemon runs the server as itself.
        return;
    }
    let scratch = Scratch::new();
    let closed = scratch.directory.path().join("closed");
    fs::create_dir(&closed).unwrap();
    fs::set_permissions(&closed, Permissions::from_mode(0o700)).unwrap();
    let config = EmbeddedConfig {
        data_directory: closed.join("data"),
        ..scratch.config()
    };

    let error = Embedded::start(&config).await.unwrap_err();

    assert!(
        matches!(&error, EmbeddedError::NotTraversable { directory, .. }
            if *directory == closed.canonicalize().unwrap()),
        "{error}"
    );
    assert!(error.hint().unwrap().contains("chmod o+x"));
}

#[tokio::test]
async fn a_data_directory_with_a_long_path_gets_a_short_socket() {
    let mut scratch = Scratch::new();
    scratch.data = scratch.data.join("d".repeat(80)).join("e".repeat(80));

    let embedded = scratch.start().await;

    let socket = embedded.socket_directory().to_owned();
    assert_eq!(socket.parent(), Some(Path::new("/tmp")));
    run(&embedded.managed().migrator, "SELECT 1").await;
    embedded.stop().await.unwrap();
    fs::remove_dir(&socket).unwrap();
}
