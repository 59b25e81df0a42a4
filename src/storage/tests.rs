//! A store on a real directory: what is visible when, what damage is found, and what is left alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

use std::{
    fs,
    io::Write as _,
    process::Command,
    sync::atomic::{AtomicU64, Ordering},
    time::Duration,
};

use chrono::{DateTime, Utc};
use flate2::{Compression, write::GzEncoder};
use futures_util::FutureExt;
use tempfile::TempDir;
use tokio::io::AsyncReadExt;

use super::*;
use crate::model::{
    backup::{BackupKind, BackupName, Manifest, TableRows},
    failure::Classified,
};

struct Fixture {
    store: Store,
    directory: TempDir,
}

impl Fixture {
    fn new() -> Self {
        let directory = tempfile::tempdir().unwrap();
        Self {
            store: Store::open_directory(directory.path()).unwrap(),
            directory,
        }
    }

    fn path(&self, file: &str) -> std::path::PathBuf {
        self.directory.path().join(file)
    }

    /// The names of all files, hidden and staged ones included.
    fn files(&self) -> Vec<String> {
        let mut files: Vec<String> = fs::read_dir(self.directory.path())
            .unwrap()
            .map(|entry| entry.unwrap().file_name().to_string_lossy().into_owned())
            .collect();
        files.sort();
        files
    }

    async fn wait_until_empty(&self) {
        let empty = async {
            while !self.files().is_empty() {
                tokio::task::yield_now().await;
            }
        };
        tokio::time::timeout(Duration::from_secs(20), empty)
            .await
            .expect("files are left");
    }

    async fn backup(&self, name: &BackupName, plain: &[u8]) -> Manifest {
        let mut writer = self.store.create(name, 6).await.unwrap();
        for piece in plain.chunks(100_000) {
            writer.write(Bytes::copy_from_slice(piece)).await.unwrap();
        }
        let manifest = manifest(name, &writer.finish().await.unwrap());
        self.store.put_manifest(&manifest).await.unwrap();
        manifest
    }

    async fn listed(&self) -> Vec<String> {
        let listing = self.store.list_manifests().await.unwrap();
        listing
            .manifests
            .iter()
            .map(|manifest| manifest.filename.to_string())
            .collect()
    }

    async fn plain(&self, name: &BackupName) -> std::io::Result<Vec<u8>> {
        let mut plain = Vec::new();
        let mut reader = self.store.decompressed(name).await.unwrap();
        reader.read_to_end(&mut plain).await?;
        Ok(plain)
    }

    /// What verification says of the archive after `change` was made to its bytes.
    async fn damage(&self, manifest: &Manifest, change: impl FnOnce(&mut Vec<u8>)) -> Damage {
        let path = self.path(manifest.filename.as_str());
        let sound = fs::read(&path).unwrap();
        let mut bytes = sound.clone();
        change(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let verified = self.store.verify(manifest, |_| {}).await;
        fs::write(&path, sound).unwrap();
        match verified {
            Err(error @ StorageError::Damaged { .. }) => {
                assert_eq!(error.reason(), "BACKUP_DAMAGED");
                let StorageError::Damaged { damage, .. } = error else {
                    unreachable!()
                };
                damage
            }
            other => panic!("no damage was found: {other:?}"),
        }
    }
}

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn name(text: &str) -> BackupName {
    BackupName::parse(text).unwrap()
}

fn app() -> BackupName {
    name("app_20261122T020000Z.sql.gz")
}

fn manifest(name: &BackupName, summary: &ArchiveSummary) -> Manifest {
    Manifest {
        format_version: 1,
        filename: name.clone(),
        database: "app".to_owned(),
        kind: BackupKind::Scheduled,
        snapshot_time: at("2026-11-22T02:00:00Z"),
        complete_time: at("2026-11-22T02:01:00Z"),
        size_bytes: summary.size_bytes,
        sha256: summary.sha256.clone(),
        uncompressed_bytes: summary.uncompressed_bytes,
        compression: "gzip".to_owned(),
        server_version: "15.18".to_owned(),
        server_version_num: 150_018,
        tool_version: "15.18".to_owned(),
        schema_version: Vec::new(),
        tables: Vec::new(),
        operation_id: uuid::Uuid::nil(),
        daemon_version: "0.1.0".to_owned(),
        verifications: Vec::new(),
        damage: None,
    }
}

/// Bytes that gzip cannot make smaller, so that parts fill up; the same for the same length.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

fn gzip(plain: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::default());
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

fn summary_of(archive: &[u8], uncompressed_bytes: u64) -> ArchiveSummary {
    ArchiveSummary {
        size_bytes: archive.len() as u64,
        sha256: hexadecimal(Sha256::new_with_prefix(archive)),
        uncompressed_bytes,
    }
}

#[tokio::test]
async fn what_is_written_is_read_back_and_verified() {
    let fixture = Fixture::new();
    // More than two parts of the upload, and an odd end.
    let plain = noise(12_345_678);
    let manifest = fixture.backup(&app(), &plain).await;

    let archive = fs::read(fixture.path(app().as_str())).unwrap();
    let expected = summary_of(&archive, plain.len() as u64);
    assert_eq!(manifest, super::tests::manifest(&app(), &expected));
    assert_eq!(fixture.store.manifest(&app()).await.unwrap(), manifest);
    assert_eq!(fixture.listed().await, [app().to_string()]);
    assert!(fixture.plain(&app()).await.unwrap() == plain);

    let seen = AtomicU64::new(0);
    let verified = fixture
        .store
        .verify(&manifest, |bytes| {
            assert!(bytes >= seen.swap(bytes, Ordering::Relaxed));
        })
        .await
        .unwrap();
    assert_eq!(verified, expected);
    assert_eq!(seen.into_inner(), expected.size_bytes);
    assert!(fixture.store.free_bytes().await.unwrap() > 0);
}

#[tokio::test]
async fn an_empty_archive_is_sound_gzip() {
    let fixture = Fixture::new();
    let manifest = fixture.backup(&app(), b"").await;
    assert!(manifest.size_bytes > 0);
    fixture.store.verify(&manifest, |_| {}).await.unwrap();
    assert_eq!(fixture.plain(&app()).await.unwrap(), b"");
}

#[tokio::test]
async fn nothing_is_visible_before_the_manifest() {
    let fixture = Fixture::new();
    let mut writer = fixture.store.create(&app(), 1).await.unwrap();
    writer.write(noise(11_000_000).into()).await.unwrap();
    assert!(!fixture.path(app().as_str()).exists());
    writer.finish().await.unwrap();
    assert_eq!(fixture.files(), [app().to_string()]);
    assert!(fixture.listed().await.is_empty());
    let error = fixture.store.manifest(&app()).await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_NOT_FOUND");
}

#[tokio::test]
async fn a_writer_that_is_dropped_or_aborted_leaves_nothing() {
    let fixture = Fixture::new();
    for plain in [noise(10), noise(11_000_000)] {
        let mut writer = fixture.store.create(&app(), 1).await.unwrap();
        writer.write(plain.clone().into()).await.unwrap();
        writer.abort().await;
        assert_eq!(fixture.files(), Vec::<String>::new());

        let mut writer = fixture.store.create(&app(), 1).await.unwrap();
        writer.write(plain.into()).await.unwrap();
        drop(writer);
        fixture.wait_until_empty().await;
    }
}

#[tokio::test]
async fn an_archive_that_is_finished_for_nobody_is_removed() {
    let fixture = Fixture::new();
    let mut writer = fixture.store.create(&app(), 1).await.unwrap();
    writer.write(noise(1_000_000).into()).await.unwrap();
    assert!(writer.finish().now_or_never().is_none());
    fixture.wait_until_empty().await;
}

#[tokio::test]
async fn nothing_is_written_over() {
    let fixture = Fixture::new();
    let manifest = fixture.backup(&app(), b"one").await;
    let error = fixture.store.create(&app(), 1).await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_EXISTS");

    // An archive without a manifest, and a manifest without an archive, are in the way too.
    fs::remove_file(fixture.path(&app().manifest_name())).unwrap();
    assert!(fixture.store.create(&app(), 1).await.is_err());
    fs::remove_file(fixture.path(app().as_str())).unwrap();
    fixture.store.put_manifest(&manifest).await.unwrap();
    assert!(fixture.store.create(&app(), 1).await.is_err());
}

#[tokio::test]
async fn of_two_writers_of_one_name_the_second_to_finish_fails() {
    let fixture = Fixture::new();
    let mut first = fixture.store.create(&app(), 1).await.unwrap();
    let mut second = fixture.store.create(&app(), 1).await.unwrap();
    first.write(Bytes::from_static(b"first")).await.unwrap();
    second.write(Bytes::from_static(b"second")).await.unwrap();
    first.finish().await.unwrap();
    let error = second.finish().await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_EXISTS");
    assert_eq!(fixture.plain(&app()).await.unwrap(), b"first");
    assert_eq!(fixture.files(), [app().to_string()]);
}

#[tokio::test]
async fn a_store_that_fails_says_so_on_the_next_write_or_at_the_end() {
    let fixture = Fixture::new();
    let mut writer = fixture.store.create(&app(), 1).await.unwrap();
    writer.write(Bytes::from_static(b"x")).await.unwrap();
    // The rename has no place to go.
    fs::remove_dir_all(fixture.directory.path()).unwrap();
    let error = writer.finish().await.unwrap_err();
    assert_eq!(error.reason(), "STORE_UNAVAILABLE");
    let error = fixture.store.list_manifests().await.unwrap_err();
    assert_eq!(error.reason(), "STORE_UNAVAILABLE");
}

/// A small file system of its own in memory, gone with the value.
struct SmallDisk(TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let status = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &options, "tmpfs"])
            .arg(directory.path())
            .status()
            .expect("the test of a full store needs the mount command");
        assert!(
            status.success(),
            "the test of a full store mounts a tmpfs and so needs root"
        );
        Self(directory)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount").arg(self.0.path()).status();
    }
}

#[tokio::test]
async fn a_full_store_is_named_as_such_and_keeps_what_it_had() {
    let disk = SmallDisk::mount("8m");
    let store = Store::open_directory(disk.0.path()).unwrap();
    let mut kept = store.create(&app(), 1).await.unwrap();
    kept.write(noise(1_000_000).into()).await.unwrap();
    let mut kept = manifest(&app(), &kept.finish().await.unwrap());
    store.put_manifest(&kept).await.unwrap();
    let free = store.free_bytes().await.unwrap();

    // Once it runs full under way, once only with the last part.
    for pieces in [200, 10] {
        let name = name("too_large.sql.gz");
        let mut writer = store.create(&name, 1).await.unwrap();
        let mut error = None;
        for _ in 0..pieces {
            error = writer.write(noise(1_000_000).into()).await.err();
            if error.is_some() {
                break;
            }
        }
        let error = match error {
            Some(error) => error,
            None => writer.finish().await.unwrap_err(),
        };
        assert_eq!(error.reason(), "STORE_FULL");
        assert_eq!(store.free_bytes().await.unwrap(), free);
    }

    fs::write(disk.0.path().join("filler"), noise(8_000_000)).unwrap_err();
    kept.tables = vec![
        TableRows {
            schema: "public".to_owned(),
            table: "orders".to_owned(),
            rows: 1,
        };
        10_000
    ];
    let error = store.put_manifest(&kept).await.unwrap_err();
    assert_eq!(error.reason(), "STORE_FULL");
    kept.tables.clear();
    assert_eq!(store.list_manifests().await.unwrap().manifests, [kept]);
}

#[tokio::test]
async fn every_kind_of_damage_is_found_and_named() {
    let fixture = Fixture::new();
    let plain = "insert into orders values (1, 'a row');\n".repeat(50_000);
    let sound = fixture.backup(&app(), plain.as_bytes()).await;

    let truncated = fixture.damage(&sound, |bytes| bytes.truncate(bytes.len() - 1));
    assert!(matches!(truncated.await, Damage::Size { .. }));
    let longer = fixture.damage(&sound, |bytes| bytes.push(0));
    assert!(matches!(longer.await, Damage::Size { .. }));
    let emptied = fixture.damage(&sound, Vec::clear);
    assert!(matches!(emptied.await, Damage::Size { found: 0, .. }));

    // One bit anywhere: header, data, checksum, length.
    let size = usize::try_from(sound.size_bytes).unwrap();
    for position in (0..size).step_by(97).chain(size - 8..size) {
        let damage = fixture.damage(&sound, |bytes| bytes[position] ^= 1).await;
        assert!(
            matches!(damage, Damage::Decompression { .. } | Damage::Digest { .. }),
            "byte {position}: {damage:?}"
        );
    }

    // The same content in other bytes.
    let mut other_bytes = sound.clone();
    other_bytes.sha256 = "0".repeat(64);
    let damage = fixture.damage(&other_bytes, |_| {}).await;
    assert!(matches!(damage, Damage::Digest { .. }));
    let mut other_length = sound.clone();
    other_length.uncompressed_bytes += 1;
    let damage = fixture.damage(&other_length, |_| {}).await;
    assert!(matches!(damage, Damage::UncompressedSize { .. }));

    fs::remove_file(fixture.path(app().as_str())).unwrap();
    let error = fixture.store.verify(&sound, |_| {}).await.unwrap_err();
    assert!(matches!(
        error,
        StorageError::Damaged {
            damage: Damage::Missing,
            ..
        }
    ));
}

#[tokio::test]
async fn an_archive_that_was_bad_from_the_start_is_found_although_size_and_digest_agree() {
    let fixture = Fixture::new();
    let whole = gzip(&noise(100_000));
    let cut = &whole[..whole.len() / 2];
    let garbage = [&whole[..], b"garbage"].concat();
    for (archive, least) in [(&b""[..], 0), (cut, cut.len()), (&garbage, whole.len())] {
        fs::write(fixture.path(app().as_str()), archive).unwrap();
        let manifest = manifest(&app(), &summary_of(archive, 100_000));
        match fixture.damage(&manifest, |_| {}).await {
            Damage::Decompression { at, .. } => {
                assert!((least as u64..=archive.len() as u64).contains(&at), "{at}");
            }
            other => panic!("{other:?}"),
        }
        // Nor does a restore take such an archive for a whole one.
        fixture.plain(&app()).await.unwrap_err();
    }
}

#[tokio::test]
async fn gzip_members_after_one_another_are_one_archive() {
    let fixture = Fixture::new();
    let members = [
        gzip(b"one "),
        gzip(b""),
        gzip(&noise(1_000_000)),
        gzip(b" end"),
    ];
    let archive = members.concat();
    fs::write(fixture.path(app().as_str()), &archive).unwrap();
    let plain = [b"one ", &noise(1_000_000)[..], b" end"].concat();
    assert!(fixture.plain(&app()).await.unwrap() == plain);
    let summary = summary_of(&archive, plain.len() as u64);
    let manifest = manifest(&app(), &summary);
    let verified = fixture.store.verify(&manifest, |_| {}).await.unwrap();
    assert_eq!(verified, summary);
}

#[tokio::test]
async fn a_backup_is_read_from_any_offset_up_to_its_end() {
    let fixture = Fixture::new();
    let manifest = fixture.backup(&app(), &noise(600_000)).await;
    let archive = fs::read(fixture.path(app().as_str())).unwrap();
    let size = manifest.size_bytes;
    for offset in [0, 1, size / 2, size - 1, size] {
        let mut rest = Vec::new();
        let mut reader = fixture.store.read(&app(), offset).await.unwrap();
        reader.read_to_end(&mut rest).await.unwrap();
        assert!(rest == archive[usize::try_from(offset).unwrap()..]);
    }
    let error = fixture.store.read(&app(), size + 1).await.err().unwrap();
    assert_eq!(error.reason(), "OFFSET_PAST_END");
    let absent = name("absent.sql.gz");
    let error = fixture.store.read(&absent, 0).await.err().unwrap();
    assert_eq!(error.reason(), "BACKUP_NOT_FOUND");
}

#[tokio::test]
async fn a_backup_that_is_deleted_while_it_is_read_is_read_to_its_end() {
    let fixture = Fixture::new();
    let manifest = fixture.backup(&app(), &noise(3_000_000)).await;
    let mut reader = fixture.store.read(&app(), 0).await.unwrap();
    let mut first = [0; 10];
    reader.read_exact(&mut first).await.unwrap();
    fixture.store.delete(&app()).await.unwrap();
    assert_eq!(fixture.files(), Vec::<String>::new());
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len() as u64 + 10, manifest.size_bytes);

    let error = fixture.store.delete(&app()).await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_NOT_FOUND");
}

#[tokio::test]
async fn a_deletion_that_fails_half_way_leaves_nothing_listed() {
    let fixture = Fixture::new();
    let manifest = fixture.backup(&app(), b"x").await;
    // What is no file cannot be unlinked.
    fs::remove_file(fixture.path(app().as_str())).unwrap();
    fs::create_dir(fixture.path(app().as_str())).unwrap();
    fixture.store.delete(&app()).await.unwrap_err();
    assert!(!fixture.path(&manifest.filename.manifest_name()).exists());
    let listing = fixture.store.list_manifests().await.unwrap();
    assert!(listing.manifests.is_empty() && listing.unreadable.is_empty());
}

#[tokio::test]
async fn the_list_is_ordered_by_completion_and_not_by_name() {
    let fixture = Fixture::new();
    for (text, complete_time) in [
        ("b_20260101T000000Z.sql.gz", "2026-11-22T03:00:00Z"),
        ("c_20260103T000000Z.sql.gz", "2026-11-22T01:00:00Z"),
        ("a_20260102T000000Z.sql.gz", "2026-11-22T02:00:00Z"),
    ] {
        let mut manifest = fixture.backup(&name(text), b"x").await;
        manifest.complete_time = at(complete_time);
        fixture.store.put_manifest(&manifest).await.unwrap();
    }
    let listed = fixture.listed().await;
    let databases: Vec<&str> = listed.iter().map(|name| &name[..1]).collect();
    assert_eq!(databases, ["b", "a", "c"]);
}

#[tokio::test]
async fn manifests_that_make_no_backup_are_reported_and_the_others_listed() {
    let fixture = Fixture::new();
    let good = fixture.backup(&app(), b"x").await;
    for text in ["cut", "missing", "newer", "short", "swapped"] {
        let mut manifest = good.clone();
        manifest.filename = name(&format!("{text}.sql.gz"));
        fs::copy(
            fixture.path(app().as_str()),
            fixture.path(manifest.filename.as_str()),
        )
        .unwrap();
        fixture.store.put_manifest(&manifest).await.unwrap();
    }
    let json = |text: &str| fixture.path(&format!("{text}.sql.gz.json"));
    fs::write(json("cut"), &fs::read(json("cut")).unwrap()[..50]).unwrap();
    fs::write(json("newer"), r#"{"format_version": 7}"#).unwrap();
    fs::copy(fixture.path(&app().manifest_name()), json("swapped")).unwrap();
    fs::remove_file(fixture.path("missing.sql.gz")).unwrap();
    fs::write(fixture.path("short.sql.gz"), b"").unwrap();

    let listing = fixture.store.list_manifests().await.unwrap();
    assert_eq!(listing.manifests, [good]);
    let reasons: Vec<&str> = listing
        .unreadable
        .iter()
        .map(|unreadable| unreadable.reason.as_str())
        .collect();
    let expected = [
        "the manifest of backup cut.sql.gz cannot be used: the manifest is not readable",
        "backup missing.sql.gz is damaged: the archive is missing",
        "the manifest of backup newer.sql.gz cannot be used: the manifest has format 7",
        "backup short.sql.gz is damaged: the archive has 0 bytes",
        "backup swapped.sql.gz is damaged: its manifest is that of app_20261122T020000Z.sql.gz",
    ];
    assert_eq!(reasons.len(), expected.len());
    for (reason, expected) in reasons.iter().zip(expected) {
        assert!(reason.starts_with(expected), "{reason}");
    }
    // Asked for by name, they fail in the same way.
    let error = fixture.store.manifest(&name("short.sql.gz")).await;
    assert_eq!(error.unwrap_err().reason(), "BACKUP_DAMAGED");
    let error = fixture.store.manifest(&name("newer.sql.gz")).await;
    assert_eq!(error.unwrap_err().reason(), "MANIFEST_TOO_NEW");
}

#[tokio::test]
async fn files_of_others_do_not_disturb_the_list() {
    use std::os::unix::ffi::OsStrExt;

    let fixture = Fixture::new();
    fixture.backup(&app(), b"x").await;
    for foreign in [
        &b"notes.json"[..],
        b"dump.sql",
        b"gr\xc3\xb6\xc3\x9fe 100%.sql.gz.json",
        b"not utf-8 \xff\xfe",
        b"line\nbreak\x01",
        b"back\\slash",
        b".hidden",
        b"%2e%2e%2fapp.sql.gz.json",
        b"app.sql.gz#1",
    ] {
        let path = fixture
            .directory
            .path()
            .join(std::ffi::OsStr::from_bytes(foreign));
        fs::write(path, b"not ours").unwrap();
    }
    fs::create_dir(fixture.path("lost+found")).unwrap();
    fs::create_dir(fixture.path("dir.sql.gz.json")).unwrap();
    std::os::unix::fs::symlink("nowhere", fixture.path("dangling.sql.gz.json")).unwrap();

    let listing = fixture.store.list_manifests().await.unwrap();
    assert_eq!(listing.manifests.len(), 1);
    assert_eq!(listing.unreadable, []);
}

#[tokio::test]
async fn a_sweep_removes_what_the_dead_left_and_nothing_else() {
    let fixture = Fixture::new();
    let [partial, unlisted, complete, alive, never] =
        ["partial", "unlisted", "complete", "alive", "never"]
            .map(|text| name(&format!("{text}.sql.gz")));
    fixture.backup(&complete, b"x").await;
    for file in [
        "partial.sql.gz#1",
        "partial.sql.gz#27",
        "unlisted.sql.gz",
        "unlisted.sql.gz.json#1",
        "complete.sql.gz.json#1",
        "alive.sql.gz",
        "alive.sql.gz#1",
        "partial.sql.gz#old",
        "foreign.sql.gz",
    ] {
        fs::write(fixture.path(file), b"left").unwrap();
    }

    let dead = [partial, unlisted, complete, never];
    let mut removed = fixture.store.sweep(&dead).await.unwrap();
    removed.sort();
    assert_eq!(
        removed,
        [
            "complete.sql.gz.json#1",
            "partial.sql.gz#1",
            "partial.sql.gz#27",
            "unlisted.sql.gz",
            "unlisted.sql.gz.json#1",
        ]
    );
    assert_eq!(
        fixture.files(),
        [
            alive.as_str(),
            "alive.sql.gz#1",
            "complete.sql.gz",
            "complete.sql.gz.json",
            "foreign.sql.gz",
            "partial.sql.gz#old",
        ]
    );
    assert_eq!(
        fixture.store.sweep(&dead).await.unwrap(),
        Vec::<String>::new()
    );
}

#[tokio::test]
async fn a_store_that_is_missing_is_made_for_its_owner_alone() {
    use std::os::unix::fs::PermissionsExt;

    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("a/b");
    let store = Store::open_directory(&path).unwrap();
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o700
    );
    assert!(store.list_manifests().await.unwrap().manifests.is_empty());

    fs::write(directory.path().join("file"), b"").unwrap();
    let error = Store::open_directory(&directory.path().join("file")).unwrap_err();
    assert_eq!(error.reason(), "STORE_UNAVAILABLE");
}
