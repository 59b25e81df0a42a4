//! Archives and manifests whose bytes are not what they were: cut, flipped, swapped, emptied. Whatever it is, a check finds
//! it and says so, a restore refuses before the live database is touched, and good bytes make a good backup again.

mod manifests;

use std::{fs, path::PathBuf};

use pgsteward::proto::{
    Backup, ListBackupsRequest, Operation, OperationError, OperationState, PlanRestoreRequest,
    RestoreRequest, VerifyBackupRequest,
};
use tonic::{Code, Status};
use tonic_types::StatusExt as _;

use crate::support::{self, Client, Daemon, Site, client::failure_of};

const ROWS: i64 = 3000;

/// A site whose store has two backups of different rows, in maintenance mode.
struct Store {
    /// Before the directory that its log is in, as things go in this order.
    daemon: Daemon,
    site: Site,
    older: Backup,
    newer: Backup,
}

impl Store {
    async fn new() -> Self {
        let (site, daemon) = support::start().await;
        let client = daemon.client();
        site.databases
            .run(&format!(
                "CREATE TABLE orders (id int PRIMARY KEY, said text);
                 CREATE TABLE small (n int);
                 INSERT INTO orders SELECT n, md5(n::text) FROM generate_series(1, {ROWS}) AS n;
                 INSERT INTO small VALUES (1)"
            ))
            .await;
        let older = client.back_up().await;
        site.databases.run("INSERT INTO small VALUES (2)").await;
        let newer = client.back_up().await;
        client.enter_maintenance().await;
        Self {
            daemon,
            site,
            older,
            newer,
        }
    }

    fn client(&self) -> &Client {
        self.daemon.client()
    }

    fn archive(&self, backup: &Backup) -> PathBuf {
        self.site.store().join(&backup.filename)
    }

    fn manifest(&self, backup: &Backup) -> PathBuf {
        self.site.store().join(format!("{}.json", backup.filename))
    }

    /// Whether lists show the backup as one that is no good.
    async fn is_shown_as_bad(&self, backup: &Backup) -> bool {
        let request = ListBackupsRequest::default();
        let listed = self.client().backup().list_backups(request).await.unwrap();
        let listed = listed.into_inner();
        let damaged =
            |found: &Backup| found.filename == backup.filename && !found.damage.is_empty();
        listed.backups.iter().any(damaged)
            || listed
                .unreadable_manifests
                .iter()
                .any(|line| line.starts_with(&backup.filename))
    }

    /// How a full read refuses the backup, at once or in its course; it must.
    async fn verification_fails(&self, backup: &Backup) -> OperationError {
        let request = VerifyBackupRequest {
            filename: backup.filename.clone(),
            ..VerifyBackupRequest::default()
        };
        let answer = self.client().backup().verify_backup(request).await;
        self.failure(answer.map(|answer| answer.into_inner().operation))
            .await
    }

    /// How a restore refuses the backup, at once or in its course; it must, and must leave everything as it was.
    async fn restore_fails(&self, backup: &Backup) -> OperationError {
        let request = RestoreRequest {
            filename: backup.filename.clone(),
            confirm_database: "app".to_owned(),
            reason: "a test".to_owned(),
            ..RestoreRequest::default()
        };
        let answer = self.client().restore().restore(request).await;
        let error = self
            .failure(answer.map(|answer| answer.into_inner().operation))
            .await;
        assert_eq!(self.site.databases.scratch_databases().await, [""; 0]);
        assert_eq!(self.site.databases.rows("orders").await, ROWS);
        assert_eq!(self.site.databases.rows("small").await, 2);
        error
    }

    async fn failure(&self, answer: Result<Option<Operation>, Status>) -> OperationError {
        match answer {
            Ok(operation) => failure_of(self.client().wait(operation).await),
            Err(status) => {
                let details = status.get_error_details();
                OperationError {
                    code: code(status.code()),
                    reason: details.error_info().unwrap().reason.clone(),
                    message: status.message().to_owned(),
                    ..OperationError::default()
                }
            }
        }
    }

    /// Names of the checks that a plan shows as failed, or the reason why there is no plan.
    async fn plan_refuses(&self, backup: &Backup) -> Vec<String> {
        let request = PlanRestoreRequest {
            filename: backup.filename.clone(),
            ..PlanRestoreRequest::default()
        };
        match self.client().restore().plan_restore(request).await {
            Ok(answer) => {
                let plan = answer.into_inner().plan.unwrap();
                let failed = plan.checks.iter().filter(|check| !check.passed);
                failed.map(|check| check.name.clone()).collect()
            }
            Err(status) => vec![
                status
                    .get_error_details()
                    .error_info()
                    .unwrap()
                    .reason
                    .clone(),
            ],
        }
    }

    /// The backup is good: it passes a full read, and no list says otherwise.
    async fn is_good(&self, backup: &Backup) {
        let request = VerifyBackupRequest {
            filename: backup.filename.clone(),
            ..VerifyBackupRequest::default()
        };
        let answer = self.client().backup().verify_backup(request).await.unwrap();
        let operation = self.client().wait(answer.into_inner().operation).await;
        assert_eq!(
            operation.state(),
            OperationState::Succeeded,
            "{operation:?}"
        );
        assert!(!self.is_shown_as_bad(backup).await);
    }

    /// That an archive of these bytes is found damaged by whoever looks, and shown so afterwards.
    async fn is_found_damaged(&self, backup: &Backup, bytes: &[u8], what: &str) {
        fs::write(self.archive(backup), bytes).unwrap();
        let error = self.verification_fails(backup).await;
        assert_eq!(error.code, "DATA_LOSS", "{what}: {error:?}");
        assert_eq!(error.reason, "BACKUP_DAMAGED", "{what}: {error:?}");
        assert!(
            error.message.contains(&backup.filename),
            "{what}: {error:?}"
        );
        assert!(self.is_shown_as_bad(backup).await, "{what}");
    }
}

/// The code's name as operations have it.
fn code(code: Code) -> String {
    match code {
        Code::DataLoss => "DATA_LOSS",
        Code::FailedPrecondition => "FAILED_PRECONDITION",
        Code::NotFound => "NOT_FOUND",
        other => panic!("{other:?}"),
    }
    .to_owned()
}

/// Places all over a file of that length: both ends, and between.
fn places(length: usize) -> Vec<usize> {
    let mut places = vec![
        0,
        1,
        2,
        3,
        4,
        9,
        10,
        length - 1,
        length - 2,
        length - 5,
        length - 8,
        length - 9,
    ];
    places.extend((1..24).map(|part| length / 24 * part));
    places
}

#[tokio::test]
async fn an_archive_cut_anywhere_is_found() {
    let store = Store::new().await;
    let good = fs::read(store.archive(&store.newer)).unwrap();
    for place in places(good.len()) {
        let what = format!("cut at {place}");
        store
            .is_found_damaged(&store.newer, &good[..place], &what)
            .await;
    }
    let longer = [&good[..], b"\0"].concat();
    store
        .is_found_damaged(&store.newer, &longer, "a byte more")
        .await;
    let twice = [&good[..], &good[..]].concat();
    store.is_found_damaged(&store.newer, &twice, "twice").await;
    store.is_good(&store.older).await;
    fs::write(store.archive(&store.newer), &good).unwrap();
    store.is_good(&store.newer).await;
    store.daemon.stop().await;
}

#[tokio::test]
async fn a_single_flipped_byte_anywhere_is_found() {
    let store = Store::new().await;
    let good = fs::read(store.archive(&store.newer)).unwrap();
    for (number, place) in places(good.len()).into_iter().enumerate() {
        let mut bytes = good.clone();
        bytes[place] ^= 1 << (number % 8);
        let what = format!("flipped at {place}");
        store.is_found_damaged(&store.newer, &bytes, &what).await;
    }
    // The same bytes in another order.
    let mut swapped = good.clone();
    let middle = good.len() / 2;
    swapped[..middle * 2].rotate_left(middle);
    store
        .is_found_damaged(&store.newer, &swapped, "halves swapped")
        .await;
    let zeros = vec![0; good.len()];
    store.is_found_damaged(&store.newer, &zeros, "zeros").await;
    fs::write(store.archive(&store.newer), &good).unwrap();
    store.is_good(&store.newer).await;
    store.daemon.stop().await;
}

#[tokio::test]
async fn a_restore_that_nobody_warned_refuses_a_damaged_archive_itself() {
    let store = Store::new().await;
    let (newer, file) = (&store.newer, store.archive(&store.newer));
    let good = fs::read(&file).unwrap();
    let flipped = |place: usize| {
        let mut bytes = good.clone();
        bytes[place] ^= 0x10;
        bytes
    };
    for bytes in [
        flipped(good.len() / 3),
        flipped(good.len() - 6),
        flipped(5),
        good[..good.len() / 2].to_vec(),
        Vec::new(),
    ] {
        fs::write(&file, &bytes).unwrap();
        let error = store.restore_fails(newer).await;
        assert_eq!(
            (error.code.as_str(), error.reason.as_str()),
            ("DATA_LOSS", "BACKUP_DAMAGED")
        );
        assert!(store.is_shown_as_bad(newer).await);
        // From then on it is known beforehand.
        let refused = store.plan_refuses(newer).await;
        let known = ["ARCHIVE", "BACKUP_DAMAGED"];
        assert!(
            refused
                .iter()
                .any(|reason| known.contains(&reason.as_str())),
            "{refused:?}"
        );
        fs::write(&file, &good).unwrap();
        store.is_good(newer).await;
    }
    assert_eq!(store.plan_refuses(newer).await, [""; 0]);
    store.daemon.stop().await;
}

#[tokio::test]
async fn archives_and_manifests_that_changed_places_are_found() {
    let store = Store::new().await;
    let (older, newer) = (&store.older, &store.newer);
    let swap = |one: PathBuf, other: PathBuf| {
        let between = store.site.path("between");
        fs::rename(&one, &between).unwrap();
        fs::rename(&other, &one).unwrap();
        fs::rename(&between, &other).unwrap();
    };

    swap(store.archive(older), store.archive(newer));
    for backup in [older, newer] {
        let error = store.restore_fails(backup).await;
        assert_eq!(
            (error.code.as_str(), error.reason.as_str()),
            ("DATA_LOSS", "BACKUP_DAMAGED")
        );
        let error = store.verification_fails(backup).await;
        assert_eq!(error.code, "DATA_LOSS");
        assert!(store.is_shown_as_bad(backup).await);
    }
    swap(store.archive(older), store.archive(newer));
    store.is_good(older).await;
    store.is_good(newer).await;

    swap(store.manifest(older), store.manifest(newer));
    for backup in [older, newer] {
        let error = store.restore_fails(backup).await;
        assert_eq!(
            (error.code.as_str(), error.reason.as_str()),
            ("DATA_LOSS", "BACKUP_DAMAGED")
        );
        assert_eq!(store.verification_fails(backup).await.code, "DATA_LOSS");
        assert_ne!(store.plan_refuses(backup).await, [""; 0]);
        assert!(store.is_shown_as_bad(backup).await);
    }
    swap(store.manifest(older), store.manifest(newer));
    store.is_good(newer).await;

    // Both files of one under the names of the other: the manifest says whose it is.
    for path in [Store::archive, Store::manifest] {
        fs::copy(path(&store, older), path(&store, newer)).unwrap();
    }
    assert_eq!(store.verification_fails(newer).await.code, "DATA_LOSS");
    assert!(store.is_shown_as_bad(newer).await);
    store.restore_fails(newer).await;
    store.is_good(older).await;
    store.daemon.stop().await;
}
