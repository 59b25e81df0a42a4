//! UploadBackup: what is sent whole is kept, and of everything else nothing is.

use std::{fs, os::unix::fs::PermissionsExt as _, path::Path};

use futures_util::{Stream, stream};
use pgsteward::{
    proto::{
        AuditOutcome, Backup, BackupKind, ListAuditEntriesRequest, ListBackupsRequest,
        ListOperationsRequest, Operation, OperationState, UploadBackupRequest, UploadHeader,
        VerificationLevel, upload_backup_request::Part,
    },
    storage::{Identities, Recipients, SealError, Unsealer, hexadecimal, seal_text},
};
use sha2::{Digest as _, Sha256};
use tokio::{sync::mpsc, task::JoinHandle};
use tokio_stream::wrappers::ReceiverStream;
use tonic::{Code, Status};

use crate::{
    cli,
    support::{
        self, Client, Daemon, Site, client::failure_of, database::value, expect_field,
        expect_reason, wait::until,
    },
};

/// A pair of age keys.
const PUBLIC: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const PRIVATE: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

/// A plain dump of some length.
fn sql() -> Vec<u8> {
    let mut sql = b"-- a dump\nCREATE TABLE t (n int);\nCOPY t FROM stdin;\n".to_vec();
    for n in 0..300_000 {
        sql.extend_from_slice(format!("{n}\n").as_bytes());
    }
    sql.extend_from_slice(b"\\.\n");
    sql
}

fn digest(bytes: &[u8]) -> String {
    hexadecimal(Sha256::new_with_prefix(bytes))
}

/// A header that says all of the bytes.
fn header(filename: &str, bytes: &[u8]) -> UploadHeader {
    UploadHeader {
        filename: filename.to_owned(),
        database: String::new(),
        sha256: digest(bytes),
        size_bytes: bytes.len().try_into().unwrap(),
    }
}

fn messages(header: UploadHeader, bytes: &[u8]) -> Vec<UploadBackupRequest> {
    let chunks = bytes
        .chunks(100_000)
        .map(|chunk| Part::Chunk(chunk.to_vec()));
    let parts = [Part::Header(header)].into_iter().chain(chunks);
    parts
        .map(|part| UploadBackupRequest { part: Some(part) })
        .collect()
}

async fn send(
    client: &Client,
    messages: impl Stream<Item = UploadBackupRequest> + Send + 'static,
) -> Result<Backup, Status> {
    let answer = client.backup().upload_backup(messages).await?;
    Ok(answer.into_inner().backup.unwrap())
}

async fn upload(client: &Client, header: UploadHeader, bytes: &[u8]) -> Result<Backup, Status> {
    send(client, stream::iter(messages(header, bytes))).await
}

/// Waits until nothing is in the store, and nothing is noted to be swept.
async fn nothing_is_left(site: &Site, client: &Client) {
    until("the store is empty", async || {
        site.stored_files().is_empty().then_some(())
    })
    .await;
    let request = ListBackupsRequest::default();
    let listed = client.backup().list_backups(request).await.unwrap();
    assert_eq!(listed.into_inner().backups, []);
    let noted: i64 = value(
        &site.databases.in_control().await,
        "SELECT count(*) FROM artifacts",
    )
    .await;
    assert_eq!(noted, 0);
}

/// An upload that has sent its header and a beginning, and no more, and has the store's files to show for it.
async fn half_way(
    site: &Site,
    client: &Client,
) -> (
    mpsc::Sender<UploadBackupRequest>,
    JoinHandle<Result<Backup, Status>>,
) {
    let (sender, receiver) = mpsc::channel(100);
    let bytes = sql();
    let unknown = UploadHeader {
        filename: "half.sql".to_owned(),
        ..UploadHeader::default()
    };
    for message in messages(unknown, &bytes[..200_000]) {
        sender.send(message).await.unwrap();
    }
    let client = client.clone();
    let call = tokio::spawn(async move { send(&client, ReceiverStream::new(receiver)).await });
    until("an archive is begun", async || {
        (!site.stored_files().is_empty()).then_some(())
    })
    .await;
    (sender, call)
}

/// The newest operation, once it is done.
async fn newest_operation(client: &Client) -> Operation {
    let request = ListOperationsRequest::default();
    let listed = client.operations().list_operations(request).await.unwrap();
    client.wait_for(&listed.into_inner().operations[0].id).await
}

/// A file with the private key.
fn identity_file(site: &Site) -> std::path::PathBuf {
    let path = site.path("identity.txt");
    fs::write(&path, PRIVATE).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    path
}

fn decrypted(path: &Path, identities: &Identities) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut reader = Unsealer::open(fs::File::open(path).unwrap(), identities).unwrap();
    std::io::copy(&mut reader, &mut plain)
        .map_err(SealError::of_reader)
        .unwrap();
    plain
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_that_is_sent_whole_is_kept_as_it_was_and_recorded() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let bytes = sql();

    let backup = upload(client, header("old.sql", &bytes), &bytes)
        .await
        .unwrap();

    assert_eq!(backup.kind(), BackupKind::Foreign);
    assert_eq!((&*backup.filename, &*backup.database), ("old.sql", "app"));
    assert_eq!(backup.sha256, digest(&bytes));
    let length = i64::try_from(bytes.len()).unwrap();
    let sizes = (backup.size_bytes, backup.uncompressed_bytes);
    assert_eq!(sizes, (length, length));
    assert_eq!((&*backup.compression, backup.stores.len()), ("none", 1));
    let levels: Vec<_> = backup
        .verifications
        .iter()
        .map(pgsteward::proto::Verification::level)
        .collect();
    let expected = [VerificationLevel::Committed, VerificationLevel::Digest];
    assert_eq!(levels, expected);
    assert_eq!(site.stored_files(), ["old.sql", "old.sql.json"]);
    let path = site.store().join("old.sql");
    assert_eq!(fs::read(&path).unwrap(), bytes);
    assert_eq!(path.metadata().unwrap().permissions().mode() & 0o777, 0o600);
    let operation = newest_operation(client).await;
    assert_eq!(operation.id, backup.operation_id);
    assert_eq!(operation.state(), OperationState::Succeeded);
    let entries = client
        .audit()
        .list_audit_entries(ListAuditEntriesRequest::default())
        .await
        .unwrap()
        .into_inner()
        .entries;
    assert_eq!(entries.len(), 1);
    assert_eq!(entries[0].outcome(), AuditOutcome::Succeeded);
    assert!(entries[0].request_json.contains("old.sql"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_header_that_is_wrong_is_refused_before_anything_is_taken() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let bytes = sql();
    let good = || header("new.sql", &bytes);
    for (field, wrong) in [
        (
            "size_bytes",
            UploadHeader {
                size_bytes: -1,
                ..good()
            },
        ),
        ("header", header("", &bytes)),
        (
            "sha256",
            UploadHeader {
                sha256: "ab".to_owned(),
                ..good()
            },
        ),
        (
            "sha256",
            UploadHeader {
                sha256: digest(&bytes).to_uppercase(),
                ..good()
            },
        ),
    ] {
        expect_field(upload(client, wrong, &bytes).await, field);
    }
    for name in ["../new.sql", "new.txt", "new", ".sql"] {
        let answer = upload(client, header(name, &bytes), &bytes).await;
        expect_reason(answer, Code::InvalidArgument, "INVALID_FILENAME");
    }
    let elsewhere = UploadHeader {
        database: "other".to_owned(),
        ..good()
    };
    let answer = upload(client, elsewhere, &bytes).await;
    expect_reason(answer, Code::NotFound, "DATABASE_NOT_FOUND");
    let chunk = UploadBackupRequest {
        part: Some(Part::Chunk(bytes.clone())),
    };
    expect_field(send(client, stream::iter([chunk])).await, "header");
    expect_field(send(client, stream::iter([])).await, "header");
    nothing_is_left(&site, client).await;

    upload(client, good(), &bytes).await.unwrap();
    let answer = upload(client, good(), &bytes).await;
    expect_reason(answer, Code::AlreadyExists, "BACKUP_EXISTS");
    assert_eq!(fs::read(site.store().join("new.sql")).unwrap(), bytes);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn what_arrives_must_be_what_was_announced() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let bytes = sql();
    let whole = header("new.sql", &bytes);
    let unknown_size = UploadHeader {
        size_bytes: 0,
        ..whole.clone()
    };
    let other_digest = UploadHeader {
        sha256: digest(b"other"),
        ..whole.clone()
    };
    let short = &bytes[..bytes.len() - 1];
    let long = [&bytes[..], b"\n"].concat();
    for (header, bytes) in [
        (&whole, short),
        (&whole, &long),
        (&unknown_size, short),
        (&other_digest, &bytes),
    ] {
        let answer = upload(client, header.clone(), bytes).await;
        expect_reason(answer, Code::InvalidArgument, "UPLOAD_MISMATCH");
        nothing_is_left(&site, client).await;
    }
    let twice = [messages(whole.clone(), &bytes), messages(whole, &bytes)].concat();
    expect_field(send(client, stream::iter(twice)).await, "header");
    nothing_is_left(&site, client).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_archive_must_begin_as_its_name_says() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let sealed = seal_text(b"x", &Recipients::parse(&[PUBLIC]).unwrap()).unwrap();
    let kinds: [(&str, &[u8]); 5] = [
        ("a.sql", b"SELECT 1;\n"),
        ("a.sql.gz", &[0x1f, 0x8b, 8, 0]),
        ("a.sql.zst", &[0x28, 0xb5, 0x2f, 0xfd]),
        ("a.dump", b"PGDMP\x01"),
        ("a.sql.age", b"age-encryption.org/v1\n-> X25519"),
    ];
    for (name, _) in kinds {
        for (other, bytes) in kinds.into_iter().chain([
            ("nothing", &b""[..]),
            ("a text", sealed.as_bytes()),
            ("a page", b"<html>"),
        ]) {
            if other != name {
                let answer = upload(client, header(name, bytes), bytes).await;
                expect_reason(answer, Code::InvalidArgument, "WRONG_CONTENT");
            }
        }
    }
    nothing_is_left(&site, client).await;
    for (name, bytes) in kinds {
        let backup = upload(client, header(name, bytes), bytes).await.unwrap();
        assert_eq!(backup.filename, name);
    }
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_a_caller_that_goes_away() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let (_sender, call) = half_way(&site, client).await;

    // Nothing but the stream's end tells this caller from one who has sent all.
    call.abort();

    let error = failure_or_cancelled(newest_operation(client).await);
    assert_eq!(error, "CALLER_GONE");
    nothing_is_left(&site, client).await;
    daemon.stop().await;
}

/// Why an operation did not succeed.
fn failure_or_cancelled(operation: Operation) -> String {
    match operation.outcome {
        Some(pgsteward::proto::operation::Outcome::Error(error)) => error.reason,
        other => panic!("{other:?}"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_caller_that_stands_still_is_not_waited_for_forever() {
    let mut site = Site::new().await;
    site.set("backup.stall_timeout", "300ms");
    let daemon = site.start().await;
    let client = daemon.client();
    let (_sender, call) = half_way(&site, client).await;

    let answer = call.await.unwrap();

    expect_reason(answer, Code::DeadlineExceeded, "UPLOAD_STALLED");
    assert_eq!(
        failure_of(newest_operation(client).await).reason,
        "UPLOAD_STALLED"
    );
    nothing_is_left(&site, client).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_is_an_operation_that_can_be_cancelled() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let (_sender, call) = half_way(&site, client).await;
    let request = ListOperationsRequest::default();
    let listed = client.operations().list_operations(request).await.unwrap();
    let id = listed.into_inner().operations.remove(0).id;

    let request = pgsteward::proto::CancelOperationRequest { id };
    client.operations().cancel_operation(request).await.unwrap();

    expect_reason(call.await.unwrap(), Code::Cancelled, "CANCELLED");
    nothing_is_left(&site, client).await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn of_two_that_want_one_name_one_is_kept() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let bytes = sql();
    let one = upload(client, header("same.sql", &bytes), &bytes);
    let other = upload(client, header("same.sql", &bytes), &bytes);
    let answers: [_; 2] = tokio::join!(one, other).into();
    let kept = answers.iter().filter(|answer| answer.is_ok()).count();
    assert_eq!(kept, 1, "{answers:?}");
    for answer in answers {
        if answer.is_err() {
            expect_reason(answer, Code::AlreadyExists, "BACKUP_EXISTS");
        }
    }
    assert_eq!(site.stored_files(), ["same.sql", "same.sql.json"]);
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_left_of_an_upload_whose_daemon_was_killed() {
    let (site, daemon) = support::start().await;
    let (_sender, _call) = half_way(&site, daemon.client()).await;

    daemon.kill9();
    let daemon = site.start().await;

    nothing_is_left(&site, daemon.client()).await;
    let error = failure_of(newest_operation(daemon.client()).await);
    assert_eq!(error.reason, "DAEMON_DIED");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn with_recipients_nothing_is_kept_in_the_clear() {
    let mut site = Site::new().await;
    site.set("backup.recipients", PUBLIC);
    let daemon = site.start().await;
    let client = daemon.client();
    let bytes = sql();

    let backup = upload(client, header("old.sql", &bytes), &bytes)
        .await
        .unwrap();

    assert_eq!(backup.filename, "old.sql.age");
    assert_eq!(backup.recipients, [PUBLIC]);
    let path = site.store().join("old.sql.age");
    let kept = fs::read(&path).unwrap();
    assert_eq!(backup.sha256, digest(&kept));
    assert!(memchr::memmem::find(&kept, b"COPY t FROM").is_none());
    let identities = Identities::load(&identity_file(&site)).unwrap();
    assert_eq!(decrypted(&path, &identities), bytes);
    // What is encrypted already is kept as it is.
    let again = upload(client, header("other.sql.age", &kept), &kept);
    assert_eq!(again.await.unwrap().sha256, backup.sha256);
    let taken = upload(client, header("other.sql", &bytes), &bytes).await;
    expect_reason(taken, Code::AlreadyExists, "BACKUP_EXISTS");
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_daemon_refuses_keys_that_are_none_and_tells_no_secret() {
    let mut site = Site::new().await;
    site.set("backup.recipients", PRIVATE);
    let (status, said) = site.start_in_vain().await;
    assert!(!status.success());
    assert!(said.contains("`backup.recipients`"), "{said}");
    assert!(!said.contains("GQ9778"), "{said}");

    site.set("backup.recipients", PUBLIC);
    let file = identity_file(&site);
    fs::set_permissions(&file, fs::Permissions::from_mode(0o644)).unwrap();
    site.set("backup.identity_file", file.to_str().unwrap());
    let (_, said) = site.start_in_vain().await;
    assert!(said.contains("`backup.identity_file`"), "{said}");
    assert!(
        said.contains("chmod 600") && !said.contains("GQ9778"),
        "{said}"
    );

    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    let daemon = site.start().await;
    assert!(!daemon.process.log().contains("GQ9778"));
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_sends_a_file_with_its_digest() {
    let (site, daemon) = support::start().await;
    let file = site.path("mine.sql");
    fs::write(&file, sql()).unwrap();
    let line = |rest: &str| format!("backup upload {} {rest}", file.display());

    let shown = cli::succeeds(&daemon, &line("--database app"));
    assert!(shown.contains("mine.sql"), "{shown}");
    let json = cli::succeeds(&daemon, &line("--name other.sql --json"));
    let backup: serde_json::Value = serde_json::from_str(&json).unwrap();
    assert_eq!(backup["sha256"], digest(&sql()));

    let refused = |daemon: &Daemon, line: &str| cli::ends_with(1, &cli::cli(daemon, line));
    let said = refused(&daemon, &line(""));
    assert!(said.contains("in the store already"), "{said}");
    let said = refused(&daemon, &line("--name mine.sql.gz"));
    assert!(said.contains("must be gzip"), "{said}");
    let said = refused(&daemon, "backup upload /nonexistent/a.sql");
    assert!(said.contains("/nonexistent/a.sql"), "{said}");
    let names = ["mine.sql", "mine.sql.json", "other.sql", "other.sql.json"];
    assert_eq!(site.stored_files(), names);
    daemon.stop().await;
}
