//! DownloadBackup through the wire, where it sends something else than the archive as it is, and where the receiver is slow
//! or goes away. Downloads as they are stand in `backup`.

use std::{fs, io::Write as _, process::Command};

use flate2::{Compression, write::GzEncoder};
use pgsteward::proto::{
    AuditOutcome, Backup, DeleteBackupRequest, DownloadBackupRequest, DownloadBackupResponse,
    ListAuditEntriesRequest, VerifyBackupRequest, download_backup_response::Part,
};
use tonic::{Code, Streaming};

use crate::{
    backup::{archive, download, list, psql, sha256, size, unpacked},
    cli::{cli, ends_with, succeeds},
    support::{
        self, Client, Daemon, Site,
        database::{self, value},
        expect_field, expect_reason,
        wait::until,
    },
};

const SCHEMA: &str = r#"
CREATE TABLE orders (id int PRIMARY KEY, at interval, price money);
CREATE SCHEMA "My Shop";
CREATE TABLE "My Shop"."it""ems" ("co""l" text);
CREATE TABLE other (n int);
"#;

const ROWS: &str = r#"
INSERT INTO orders SELECT n, '1 day 2 hours', '1234.50' FROM generate_series(1, 50000) n;
INSERT INTO "My Shop"."it""ems" VALUES (E'tab\tline\nback\\slash'), (NULL), (''), ('größe');
INSERT INTO other SELECT generate_series(1, 100);
"#;

fn whole(backup: &Backup) -> DownloadBackupRequest {
    DownloadBackupRequest {
        filename: backup.filename.clone(),
        ..DownloadBackupRequest::default()
    }
}

fn packed_as(backup: &Backup, compression: &str) -> DownloadBackupRequest {
    DownloadBackupRequest {
        compression: compression.to_owned(),
        ..whole(backup)
    }
}

fn rows_of(backup: &Backup, tables: &[&str]) -> DownloadBackupRequest {
    DownloadBackupRequest {
        tables: tables.iter().map(ToString::to_string).collect(),
        ..whole(backup)
    }
}

/// What a request that makes something on the way gives: its name and its bytes, which the trailer must match.
async fn made(client: &Client, request: DownloadBackupRequest) -> (String, Vec<u8>) {
    let (header, bytes, trailer) = download(client, request).await.unwrap();
    assert_eq!((header.size_bytes, header.sha256.as_str()), (0, ""));
    assert_eq!(trailer.sha256, sha256(&bytes));
    assert_eq!(trailer.sent_bytes, size(&bytes));
    (header.filename, bytes)
}

fn stem(backup: &Backup) -> &str {
    backup.filename.split_once(".sql").unwrap().0
}

#[tokio::test]
async fn a_backup_is_compressed_otherwise_on_the_way() {
    let (mut site, daemon) = support::start().await;
    site.databases.run(SCHEMA).await;
    site.databases.run(ROWS).await;
    let gzip = daemon.client().back_up().await;
    daemon.stop().await;
    let sql = unpacked(&archive(&site, &gzip)).into_bytes();
    assert!(sql.len() > 1_500_000, "{}", sql.len());
    site.set("backup.compression", "zstd");
    let daemon = site.start().await;
    let client = daemon.client();
    let zstd = client.back_up().await;
    let sql_of_zstd = zstd::decode_all(archive(&site, &zstd).as_slice()).unwrap();

    let (name, bytes) = made(client, packed_as(&gzip, "none")).await;
    assert_eq!(name, format!("{}.sql", stem(&gzip)));
    assert!(bytes == sql);
    let (name, bytes) = made(client, packed_as(&gzip, "zstd")).await;
    assert_eq!(name, format!("{}.sql.zst", stem(&gzip)));
    assert!(zstd::decode_all(bytes.as_slice()).unwrap() == sql);
    let (name, bytes) = made(client, packed_as(&zstd, "gzip")).await;
    assert_eq!(name, format!("{}.sql.gz", stem(&zstd)));
    assert!(unpacked(&bytes).into_bytes() == sql_of_zstd);

    // What is asked for is what it is.
    let (header, bytes, _) = download(client, packed_as(&gzip, "gzip")).await.unwrap();
    assert_eq!(header.sha256, gzip.sha256);
    assert!(bytes == archive(&site, &gzip));

    expect_field(
        download(client, packed_as(&gzip, "lz4")).await,
        "compression",
    );
    for request in [
        packed_as(&gzip, "none"),
        rows_of(&gzip, &["public.orders"]),
        DownloadBackupRequest {
            decrypt: true,
            ..whole(&gzip)
        },
    ] {
        let resumed = DownloadBackupRequest {
            offset: 1,
            sha256: gzip.sha256.clone(),
            ..request
        };
        expect_field(download(client, resumed).await, "offset");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn the_rows_of_some_tables_load_into_a_database_that_has_the_tables() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases.run(SCHEMA).await;
    site.databases.run(ROWS).await;
    let backup = client.back_up().await;
    let copy = format!("{}_copy", site.databases.managed());
    let server = site.databases.superuser_in("postgres").await;
    database::run(
        &server,
        &format!("CREATE DATABASE {copy} TEMPLATE template0"),
    )
    .await;
    psql(&copy, SCHEMA);
    let there = site.databases.superuser_in(&copy).await;
    // Against which the rows must be read right all the same.
    let odd = format!(
        "ALTER DATABASE {copy} SET standard_conforming_strings = off;
                       ALTER DATABASE {copy} SET client_encoding = 'LATIN1'"
    );
    database::run(&server, &odd).await;
    let tables = [r#""My Shop"."it""ems""#, "public.Orders", "public.orders"];

    let as_it_lies = rows_of(&backup, &tables);
    let plain = DownloadBackupRequest {
        compression: "none".to_owned(),
        ..as_it_lies.clone()
    };
    let zstd = DownloadBackupRequest {
        compression: "zstd".to_owned(),
        ..as_it_lies.clone()
    };
    let (name, bytes) = made(client, as_it_lies).await;
    assert_eq!(name, backup.filename);
    let sql = unpacked(&bytes);
    assert!(
        !sql.contains("CREATE") && !sql.contains("other"),
        "not only rows"
    );
    assert!(made(client, plain).await.1 == sql.as_bytes());
    let (_, bytes) = made(client, zstd).await;
    assert!(zstd::decode_all(bytes.as_slice()).unwrap() == sql.as_bytes());

    psql(&copy, &sql);
    let orders = "SELECT count(*) FROM orders WHERE at = '26:00' AND price = '1234.50'";
    assert_eq!(value::<i64>(&there, orders).await, 50_000);
    let items = r#"SELECT string_agg(coalesce("co""l", 'NULL'), '|') FROM "My Shop"."it""ems""#;
    assert_eq!(
        value::<String>(&there, items).await,
        "tab\tline\nback\\slash|NULL||größe"
    );
    assert_eq!(value::<i64>(&there, "SELECT count(*) FROM other").await, 0);

    let unknown = download(client, rows_of(&backup, &["public.orders", "public.no"])).await;
    let refused = expect_reason(unknown, Code::NotFound, "TABLE_NOT_FOUND");
    assert!(refused.message().contains("public.no"), "{refused:?}");
    expect_field(
        download(client, rows_of(&backup, &["orders"])).await,
        "tables",
    );
    daemon.stop().await;
}

#[tokio::test]
async fn another_tools_archive_is_repacked_but_its_tables_are_not_known() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let mut gzip = GzEncoder::new(Vec::new(), Compression::fast());
    gzip.write_all(b"SELECT 1;\n").unwrap();
    fs::write(site.store().join("foreign.sql.gz"), gzip.finish().unwrap()).unwrap();
    let listed = list(client).await;
    let (name, bytes) = made(client, packed_as(&listed[0], "none")).await;
    assert_eq!(
        (name.as_str(), bytes.as_slice()),
        ("foreign.sql", &b"SELECT 1;\n"[..])
    );
    let refused = download(client, rows_of(&listed[0], &["public.orders"])).await;
    expect_reason(refused, Code::FailedPrecondition, "CONTENTS_UNKNOWN");
    daemon.stop().await;
}

#[tokio::test]
async fn a_damaged_archive_ends_the_stream_with_a_status_and_without_a_trailer() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases.run(SCHEMA).await;
    site.databases.run(ROWS).await;
    let backup = client.back_up().await;
    let mut bytes = archive(&site, &backup);
    let middle = bytes.len() / 2;
    for byte in &mut bytes[middle..middle + 100] {
        *byte = !*byte;
    }
    fs::write(site.store().join(&backup.filename), &bytes).unwrap();
    for compression in ["none", "zstd"] {
        let broken = download(client, packed_as(&backup, compression)).await;
        expect_reason(broken, Code::DataLoss, "BACKUP_DAMAGED");
    }
    // Also where it was cut between two members, which decompresses well.
    let manifest = fs::read(site.store().join(format!("{}.json", backup.filename))).unwrap();
    let manifest: serde_json::Value = serde_json::from_slice(&manifest).unwrap();
    let end = manifest["contents"]["open"]["pre_data"][1]
        .as_u64()
        .unwrap();
    let cut = &bytes[..usize::try_from(end).unwrap()];
    assert!(unpacked(cut).contains("CREATE TABLE"));
    fs::write(site.store().join(&backup.filename), cut).unwrap();
    let cut = download(client, packed_as(&backup, "none")).await;
    expect_reason(cut, Code::DataLoss, "BACKUP_DAMAGED");
    daemon.stop().await;
}

/// A backup of more than 100 MB of SQL, which is little when compressed.
async fn large(site: &Site, client: &Client) -> Backup {
    site.databases
        .run("CREATE TABLE large AS SELECT n, repeat(md5(n::text), 32) AS text FROM generate_series(1, 105000) n")
        .await;
    let backup = client.back_up().await;
    assert!(backup.uncompressed_bytes > 100_000_000, "{backup:?}");
    backup
}

async fn begin(
    client: &Client,
    request: DownloadBackupRequest,
) -> Streaming<DownloadBackupResponse> {
    let answer = client.backup().download_backup(request).await.unwrap();
    let mut parts = answer.into_inner();
    let first = parts.message().await.unwrap().unwrap().part;
    assert!(matches!(first, Some(Part::Header(_))), "{first:?}");
    parts
}

/// The most memory that the daemon ever had, in KiB.
fn most_memory(daemon: &Daemon) -> u64 {
    let status = fs::read_to_string(format!("/proc/{}/status", daemon.process.pid())).unwrap();
    let line = status.lines().find(|line| line.starts_with("VmHWM:"));
    let figure = line.unwrap().split_whitespace().nth(1);
    figure.unwrap().parse().unwrap()
}

#[tokio::test]
async fn a_receiver_that_does_not_read_costs_little_memory() {
    let (site, daemon) = support::start().await;
    let backup = large(&site, daemon.client()).await;
    daemon.stop().await;
    let daemon = site.start().await;
    // Of its own, whose window this download alone fills.
    let slow = Client::connect(&daemon.address, None).await;
    let mut stalled = Vec::new();
    for compression in ["none", "zstd"] {
        stalled.push(begin(&slow, packed_as(&backup, compression)).await);
    }
    // Meanwhile the daemon reads all of the archive for another.
    let request = VerifyBackupRequest {
        filename: backup.filename.clone(),
        ..VerifyBackupRequest::default()
    };
    let client = daemon.client();
    let answer = client.backup().verify_backup(request).await.unwrap();
    client.outcome(answer.into_inner().operation).await;
    let mut plain = stalled.remove(0);
    drop(stalled);
    let mut received = 0;
    let trailer = loop {
        match plain.message().await.unwrap().unwrap().part.unwrap() {
            Part::Chunk(chunk) => received += size(&chunk),
            Part::Trailer(trailer) => break trailer,
            Part::Header(header) => panic!("{header:?}"),
        }
    };
    assert_eq!(received, backup.uncompressed_bytes);
    assert_eq!(trailer.sent_bytes, received);
    let most = most_memory(&daemon);
    assert!(most < 150 * 1024, "{most} KiB");
    daemon.stop().await;
}

/// How many open files of the daemon are the archive.
fn open_files(daemon: &Daemon, backup: &Backup) -> usize {
    let files = fs::read_dir(format!("/proc/{}/fd", daemon.process.pid())).unwrap();
    files
        .filter_map(|file| fs::read_link(file.unwrap().path()).ok())
        .filter(|path| path.ends_with(&backup.filename))
        .count()
}

#[tokio::test]
async fn a_receiver_that_goes_away_frees_the_file_and_the_backup() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let backup = large(&site, client).await;
    site.databases.run("DROP TABLE large").await;
    client.back_up().await;
    let receiver = Client::connect(&daemon.address, None).await;
    let mut streams = Vec::new();
    for compression in ["none", "zstd"] {
        let mut parts = begin(&receiver, packed_as(&backup, compression)).await;
        let next = parts.message().await.unwrap().unwrap().part;
        assert!(matches!(next, Some(Part::Chunk(_))));
        streams.push(parts);
    }
    assert_eq!(open_files(&daemon, &backup), 2);
    let request = DeleteBackupRequest {
        filename: backup.filename.clone(),
    };
    let refused = client.backup().delete_backup(request.clone()).await;
    expect_reason(refused, Code::Aborted, "BACKUP_IN_USE");

    drop((streams, receiver));
    until("the archive is closed", || async {
        (open_files(&daemon, &backup) == 0).then_some(())
    })
    .await;
    until("the backup is not in use", || async {
        let deleted = client.backup().delete_backup(request.clone()).await;
        deleted.ok()
    })
    .await;
    until("the audit log has the end of both", || async {
        let request = ListAuditEntriesRequest::default();
        let entries = client.audit().list_audit_entries(request).await.unwrap();
        let entries = entries.into_inner().entries;
        let ended = entries.iter().filter(|entry| {
            entry.method.ends_with("DownloadBackup") && entry.outcome() == AuditOutcome::Cancelled
        });
        (ended.count() == 2).then_some(())
    })
    .await;
    daemon.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_downloads_what_is_made_on_the_way() {
    let (site, daemon) = support::start().await;
    site.databases.run(SCHEMA).await;
    site.databases.run(ROWS).await;
    let backup = daemon.client().back_up().await;
    let sql = unpacked(&archive(&site, &backup));
    let directory = site.path("");
    let line = |more: &str| {
        let file = &backup.filename;
        format!("backup download {file} -o {} {more}", directory.display())
    };
    let told = succeeds(&daemon, &line("--compression none --store local"));
    let target = site.path(&format!("{}.sql", stem(&backup)));
    assert!(fs::read_to_string(&target).unwrap() == sql);
    assert!(told.contains(&sha256(sql.as_bytes())), "{told}");
    // Nothing is written over, and nothing is left of what failed.
    let again = cli(&daemon, &line("--compression none"));
    assert!(!again.status.success());
    let refused = cli(&daemon, &line("--compression zstd --table public.no"));
    let said = String::from_utf8_lossy(&refused.stderr).into_owned();
    assert!(
        !refused.status.success() && said.contains("public.no"),
        "{said}"
    );
    succeeds(&daemon, &line("--table public.other"));
    let rows = fs::read(site.path(&backup.filename)).unwrap();
    assert!(unpacked(&rows).contains(r#"COPY "public"."other""#));
    let left = Command::new("find")
        .arg(&directory)
        .args(["-name", "*.partial"])
        .output();
    assert_eq!(left.unwrap().stdout, b"");
    ends_with(2, &cli(&daemon, &line("--plain --decrypt")));
    daemon.stop().await;
}
