//! What every store does, whatever it lies on. Each behaviour is one function over a [`Place`], run against both kinds.

use std::{
    io::{Read as _, Seek as _, SeekFrom, Write as _},
    path::PathBuf,
    sync::atomic::{AtomicU64, Ordering},
};

use flate2::{Compression, write::GzEncoder};
use pgsteward::{
    model::failure::{Classified as _, Failure},
    storage::{Damage, StorageError},
};

use super::*;
use crate::support::wait::until;

/// A store, and a look behind it.
struct Place {
    store: Store,
    files: PathBuf,
    service: Option<S3>,
    _directory: Option<TempDir>,
}

impl Place {
    fn directory() -> Self {
        let (store, directory) = directory("local");
        Self {
            store,
            files: directory.path().to_owned(),
            service: None,
            _directory: Some(directory),
        }
    }

    async fn bucket() -> Self {
        let (store, service) = s3().await;
        let files = service.path(PREFIX);
        std::fs::create_dir_all(&files).unwrap();
        Self {
            store,
            files,
            service: Some(service),
            _directory: None,
        }
    }

    /// The names of all that lies there, staged files included.
    fn files(&self) -> Vec<String> {
        let mut names: Vec<String> = std::fs::read_dir(&self.files)
            .unwrap()
            .map(|entry| entry.unwrap().file_name().into_string().unwrap())
            .collect();
        names.sort();
        names
    }

    fn put(&self, file: &str, bytes: &[u8]) {
        std::fs::write(self.files.join(file), bytes).unwrap();
    }

    fn get(&self, file: &str) -> Vec<u8> {
        std::fs::read(self.files.join(file)).unwrap()
    }

    /// Nothing lies there, and no upload is open.
    fn is_clean(&self) -> bool {
        let is_open = |service: &S3| service.open_uploads() > 0;
        self.files().is_empty() && !self.service.as_ref().is_some_and(is_open)
    }

    async fn listed(&self) -> Vec<String> {
        let listing = self.store.list().await.unwrap();
        let names = listing.manifests.iter().map(|one| one.filename.to_string());
        names.collect()
    }
}

/// One test for each kind of place.
macro_rules! behaviours {
    ($($behaviour:ident),* $(,)?) => {
        mod of_a_directory {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                super::$behaviour(super::Place::directory()).await;
            })*
        }
        mod of_a_bucket {
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $behaviour() {
                super::$behaviour(super::Place::bucket().await).await;
            })*
        }
    };
}

behaviours!(
    what_is_written_is_read_back,
    an_archive_is_read_by_ranges_and_from_any_place,
    an_empty_archive_is_an_archive,
    nothing_is_listed_before_the_manifest,
    an_upload_that_is_aborted_or_dropped_leaves_nothing,
    a_call_that_was_dropped_is_not_gone_on_with,
    nothing_is_written_over,
    of_two_creators_of_one_name_one_goes_on,
    another_tools_file_that_comes_meanwhile_is_left_alone,
    what_a_crash_left_is_not_listed_and_swept,
    a_crash_between_manifest_and_marker_leaves_a_backup,
    a_removal_that_was_cut_short_is_ended_by_the_sweep,
    a_sweep_touches_nothing_that_has_no_marker,
    a_manifest_is_changed_in_place,
    manifests_that_make_no_backup_are_reported_and_the_others_listed,
    another_tools_archives_are_listed_as_foreign,
    a_backup_is_removed_with_all_that_belongs_to_it,
    every_kind_of_damage_is_found_and_named,
    sql_is_decompressed_as_its_name_says,
);

async fn what_is_written_is_read_back(place: Place) {
    // Two parts and an odd end.
    let bytes = noise(20_345_678);
    let backup = back_up(&place.store, &app(), &bytes).await;

    assert_eq!(backup, manifest(&app(), &summary_of(&bytes)));
    assert!(place.get(app().as_str()) == bytes);
    assert_eq!(place.store.manifest(&app()).await.unwrap(), backup);
    assert_eq!(place.listed().await, [app().to_string()]);
    assert_eq!(place.files().len(), 2, "an archive and its manifest");
    let size = bytes.len() as u64;
    for offset in [0, 1, 9_999_999, size - 1, size] {
        let rest = archive(&place.store, &app(), offset).await;
        assert!(rest == bytes[usize::try_from(offset).unwrap()..]);
    }
    let error = place.store.read(&app(), size + 1).await.err().unwrap();
    assert_eq!(error.reason(), "OFFSET_PAST_END");
    let error = place.store.read(&name("absent.sql"), 0).await.err();
    assert_eq!(error.unwrap().reason(), "BACKUP_NOT_FOUND");

    let seen = AtomicU64::new(0);
    let progress = |bytes| assert!(bytes >= seen.swap(bytes, Ordering::Relaxed));
    let found = place.store.digest(&backup, progress).await.unwrap();
    assert_eq!(found, summary_of(&bytes));
    assert_eq!(seen.into_inner(), size);
}

async fn an_archive_is_read_by_ranges_and_from_any_place(place: Place) {
    let bytes = noise(5_000_001);
    back_up(&place.store, &app(), &bytes).await;
    for range in [0..10, 4_999_990..5_000_001, 1_000_000..3_000_000, 7..7] {
        let (start, end) = (range.start, range.end);
        let read = place.store.read_range(&app(), range).await.unwrap();
        let (start, end) = (
            usize::try_from(start).unwrap(),
            usize::try_from(end).unwrap(),
        );
        assert!(read == bytes[start..end]);
    }
    place
        .store
        .read_range(&app(), 4_999_990..5_000_002)
        .await
        .unwrap_err();

    let mut file = place.store.seekable(&app()).await.unwrap();
    let checked = tokio::task::spawn_blocking(move || {
        assert_eq!(file.size(), 5_000_001);
        let mut piece = [0; 11];
        assert_eq!(file.seek(SeekFrom::End(-11)).unwrap(), 4_999_990);
        file.read_exact(&mut piece).unwrap();
        assert_eq!(piece, bytes[4_999_990..]);
        assert_eq!(file.read(&mut piece).unwrap(), 0);
        file.seek(SeekFrom::Start(1_048_570)).unwrap();
        file.read_exact(&mut piece).unwrap();
        assert_eq!(piece, bytes[1_048_570..1_048_581]);
        file.seek(SeekFrom::Current(-11)).unwrap();
        let mut rest = Vec::new();
        file.read_to_end(&mut rest).unwrap();
        assert!(rest == bytes[1_048_570..]);
        file.seek(SeekFrom::Current(-6_000_000)).unwrap_err();
        file.seek(SeekFrom::Start(6_000_000)).unwrap();
        assert_eq!(file.read(&mut piece).unwrap(), 0);
    });
    checked.await.unwrap();
}

async fn an_empty_archive_is_an_archive(place: Place) {
    let backup = back_up(&place.store, &app(), &Bytes::new()).await;
    assert_eq!(backup.size_bytes, 0);
    place.store.digest(&backup, |_| {}).await.unwrap();
    assert!(archive(&place.store, &app(), 0).await.is_empty());
    assert_eq!(place.listed().await.len(), 1);
}

async fn nothing_is_listed_before_the_manifest(place: Place) {
    let bytes = noise(11_000_000);
    let mut upload = place.store.create(&app(), Uuid::now_v7()).await.unwrap();
    upload.append(bytes.clone()).await.unwrap();
    assert_eq!(upload.size(), 11_000_000);
    assert!(!place.files.join(app().as_str()).exists());
    let written = upload.finish().await.unwrap();
    assert!(place.files.join(app().as_str()).exists());
    assert!(place.listed().await.is_empty());
    let error = place.store.manifest(&app()).await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_NOT_FOUND");
    let error = place.store.delete(&app()).await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_NOT_FOUND");

    place
        .store
        .commit(&manifest(&app(), &written))
        .await
        .unwrap();
    assert_eq!(place.listed().await, [app().to_string()]);
    assert_eq!(place.files().len(), 2, "the marker is gone");
}

async fn an_upload_that_is_aborted_or_dropped_leaves_nothing(place: Place) {
    for bytes in [noise(10), noise(20_000_000)] {
        let mut upload = place.store.create(&app(), Uuid::now_v7()).await.unwrap();
        upload.append(bytes.clone()).await.unwrap();
        upload.abort().await;
        assert!(place.is_clean(), "{:?}", place.files());

        let mut upload = place.store.create(&app(), Uuid::now_v7()).await.unwrap();
        upload.append(bytes).await.unwrap();
        drop(upload);
        until("nothing is left", || async {
            place.is_clean().then_some(())
        })
        .await;
    }
}

async fn a_call_that_was_dropped_is_not_gone_on_with(place: Place) {
    use futures_util::FutureExt as _;
    let mut upload = place.store.create(&app(), Uuid::now_v7()).await.unwrap();
    // More parts than may be on their way at once: it has to wait.
    let waited = upload.append(noise(60_000_000)).now_or_never();
    assert!(waited.is_none());
    upload.append(noise(10)).await.unwrap_err();
    assert!(upload.finish().await.is_err());
    until("nothing is left", || async {
        place.is_clean().then_some(())
    })
    .await;

    let mut upload = place.store.create(&app(), Uuid::now_v7()).await.unwrap();
    upload.append(noise(1_000_000)).await.unwrap();
    assert!(upload.finish().now_or_never().is_none());
    until("nothing is left", || async {
        place.is_clean().then_some(())
    })
    .await;
}

async fn nothing_is_written_over(place: Place) {
    let backup = back_up(&place.store, &app(), &noise(10)).await;
    let refused = async || {
        let error = place
            .store
            .create(&app(), Uuid::now_v7())
            .await
            .unwrap_err();
        assert_eq!(error.reason(), "BACKUP_EXISTS");
        assert!(!place.files().iter().any(|file| file.ends_with(".partial")));
    };
    refused().await;
    let error = place
        .store
        .commit(&Manifest {
            row_count: 7,
            ..backup
        })
        .await;
    assert_eq!(error.unwrap_err().reason(), "BACKUP_EXISTS");
    // An archive without a manifest, and a manifest without an archive, are in the way too.
    let file = app().manifest_name();
    let json = place.get(&file);
    std::fs::remove_file(place.files.join(&file)).unwrap();
    refused().await;
    std::fs::remove_file(place.files.join(app().as_str())).unwrap();
    place.put(&file, &json);
    refused().await;
}

async fn of_two_creators_of_one_name_one_goes_on(place: Place) {
    let creating = async || place.store.create(&app(), Uuid::now_v7()).await;
    let (one, other) = tokio::join!(creating(), creating());
    let mut upload = match (one, other) {
        (Ok(upload), Err(error)) | (Err(error), Ok(upload)) => {
            assert_eq!(error.reason(), "BACKUP_EXISTS");
            upload
        }
        (one, other) => panic!("{one:?} {other:?}"),
    };
    upload.append(noise(100)).await.unwrap();
    let written = upload.finish().await.unwrap();
    place
        .store
        .commit(&manifest(&app(), &written))
        .await
        .unwrap();
    assert!(archive(&place.store, &app(), 0).await == noise(100));
}

async fn another_tools_file_that_comes_meanwhile_is_left_alone(place: Place) {
    let mut upload = place.store.create(&app(), Uuid::now_v7()).await.unwrap();
    upload.append(noise(100)).await.unwrap();
    place.put(app().as_str(), b"another tool's");
    let error = upload.finish().await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_EXISTS");
    assert_eq!(place.files(), [app().to_string()]);
    assert_eq!(place.get(app().as_str()), b"another tool's");
}

async fn what_a_crash_left_is_not_listed_and_swept(place: Place) {
    let operation = Uuid::now_v7();
    // In the middle of the archive, and between the archive and its manifest.
    for is_finished in [false, true] {
        let mut upload = place.store.create(&app(), operation).await.unwrap();
        upload.append(noise(20_000_000)).await.unwrap();
        if is_finished {
            upload.finish().await.unwrap();
        } else {
            std::mem::forget(upload);
        }
        assert!(place.listed().await.is_empty());
        let markers = place.store.markers().await.unwrap();
        assert_eq!(markers.len(), 1);
        assert_eq!(markers[0].filename, app());
        assert_eq!(markers[0].operation, Some(operation));
        place.store.create(&app(), operation).await.unwrap_err();

        let removed = place.store.sweep(&app()).await.unwrap();
        assert!(
            removed.contains(&format!("{}.partial", app())),
            "{removed:?}"
        );
        until("nothing is left", || async {
            place.is_clean().then_some(())
        })
        .await;
        assert_eq!(
            place.store.sweep(&app()).await.unwrap(),
            Vec::<String>::new()
        );
    }
}

async fn a_crash_between_manifest_and_marker_leaves_a_backup(place: Place) {
    let bytes = noise(100);
    let mut upload = place.store.create(&app(), Uuid::now_v7()).await.unwrap();
    upload.append(bytes.clone()).await.unwrap();
    let marker = format!("{}.partial", app());
    let claim = place.get(&marker);
    let written = upload.finish().await.unwrap();
    place
        .store
        .commit(&manifest(&app(), &written))
        .await
        .unwrap();
    place.put(&marker, &claim);

    assert_eq!(place.listed().await, [app().to_string()]);
    assert_eq!(place.store.sweep(&app()).await.unwrap(), [marker]);
    assert_eq!(place.listed().await, [app().to_string()]);
    assert!(archive(&place.store, &app(), 0).await == bytes);
}

async fn a_removal_that_was_cut_short_is_ended_by_the_sweep(place: Place) {
    let bytes = noise(100);
    let marker = format!("{}.partial", app());
    let claim = r#"{"operation_id": "00000000-0000-0000-0000-000000000000", "token":
        "6f1f9b1e-6f0e-4c53-9a3c-0c9a4f6b7d11", "time": "2026-11-22T02:00:00Z", "owns_archive": true}"#;
    back_up(&place.store, &app(), &bytes).await;
    place.put(&marker, claim.as_bytes());
    std::fs::remove_file(place.files.join(app().manifest_name())).unwrap();

    assert!(place.listed().await.is_empty());
    let markers = place.store.markers().await.unwrap();
    assert_eq!(markers[0].operation, None);
    assert_eq!(markers[0].time.to_rfc3339(), "2026-11-22T02:00:00+00:00");
    place.store.sweep(&app()).await.unwrap();
    assert!(place.is_clean());
}

async fn a_sweep_touches_nothing_that_has_no_marker(place: Place) {
    let other = name("other.sql.gz");
    back_up(&place.store, &app(), &noise(100)).await;
    place.put("foreign.sql", b"select 1;");
    // A marker that was set before anything was begun owns nothing.
    place.put(
        "foreign.sql.partial",
        br#"{"operation_id": "00000000-0000-0000-0000-000000000001", "token": "6f1f9b1e-6f0e-4c53-9a3c-0c9a4f6b7d11",
        "time": "2026-11-22T02:00:00Z", "owns_archive": false}"#,
    );
    place.put("other.sql.gz.partial", b"not ours");
    place.put("other.sql.gz", b"archive");
    let before = place.files();
    place.store.sweep(&app()).await.unwrap();
    assert_eq!(place.files(), before);
    place.store.sweep(&name("foreign.sql")).await.unwrap();
    place.store.sweep(&other).await.unwrap();
    let after: Vec<String> = before
        .into_iter()
        .filter(|file| !file.ends_with(".partial"))
        .collect();
    assert_eq!(place.files(), after);
}

async fn a_manifest_is_changed_in_place(place: Place) {
    let mut backup = back_up(&place.store, &app(), &noise(100)).await;
    assert_eq!(place.listed().await.len(), 1);
    backup.labels.insert("why".to_owned(), "a test".to_owned());
    place.store.put_manifest(&backup).await.unwrap();
    assert_eq!(place.store.manifest(&app()).await.unwrap(), backup);
    // What a listing remembers does not go stale.
    assert_eq!(
        place.store.list().await.unwrap().manifests,
        [backup.clone()]
    );

    backup.filename = name("absent.sql.gz");
    let error = place.store.put_manifest(&backup).await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_NOT_FOUND");
    assert_eq!(place.files().len(), 2);
}

async fn manifests_that_make_no_backup_are_reported_and_the_others_listed(place: Place) {
    let good = back_up(&place.store, &app(), &noise(100)).await;
    let json = |filename: &str| {
        let filename = name(filename);
        Manifest {
            filename,
            ..good.clone()
        }
        .to_json()
        .unwrap()
    };
    for text in ["cut", "newer", "short", "swapped"] {
        place.put(&format!("{text}.sql.gz"), &noise(100));
    }
    place.put("cut.sql.gz.json", &json("cut.sql.gz")[..50]);
    place.put("missing.sql.gz.json", &json("missing.sql.gz"));
    place.put("newer.sql.gz.json", br#"{"format_version": 7}"#);
    place.put("short.sql.gz", b"");
    place.put("short.sql.gz.json", &json("short.sql.gz"));
    place.put("swapped.sql.gz.json", &json(app().as_str()));

    let listing = place.store.list().await.unwrap();
    assert_eq!(listing.manifests, [good]);
    let expected = [
        "the manifest of backup cut.sql.gz cannot be used: the manifest is not readable",
        "backup missing.sql.gz is damaged: the archive is missing",
        "the manifest of backup newer.sql.gz cannot be used: the manifest has format 7",
        "backup short.sql.gz is damaged: the archive has 0 bytes",
        "backup swapped.sql.gz is damaged: its manifest is that of app_20261122T020000Z.sql.gz",
    ];
    assert_eq!(listing.unreadable.len(), expected.len());
    for (unreadable, expected) in listing.unreadable.iter().zip(expected) {
        assert!(unreadable.reason.starts_with(expected), "{unreadable:?}");
        assert_eq!(unreadable.store, place.store.name());
    }
    // Asked for by name, they fail in the same way.
    let error = place.store.manifest(&name("short.sql.gz")).await;
    assert_eq!(error.unwrap_err().reason(), "BACKUP_DAMAGED");
    let error = place.store.manifest(&name("newer.sql.gz")).await;
    assert_eq!(error.unwrap_err().reason(), "MANIFEST_TOO_NEW");
}

async fn another_tools_archives_are_listed_as_foreign(place: Place) {
    place.put("app_monday.sql", b"select 1;\n");
    place.put("app.dump", b"PGDMP");
    place.put("notes.txt", b"no archive");
    place.put("archive.sql.gz.json.bak", b"no manifest");
    assert_eq!(place.listed().await, ["app.dump", "app_monday.sql"]);
    let foreign = place.store.manifest(&name("app_monday.sql")).await.unwrap();
    assert!(foreign.is_foreign() && foreign.sha256.is_empty() && foreign.database.is_empty());
    assert_eq!(
        (foreign.size_bytes, foreign.compression.as_str()),
        (10, "none")
    );
    assert_eq!(foreign.snapshot_time, foreign.complete_time);

    // A check gives it a manifest of its own.
    let found = place.store.digest(&foreign, |_| {}).await.unwrap();
    assert_eq!(found, summary_of(b"select 1;\n"));
    let known = Manifest {
        sha256: found.sha256,
        ..foreign
    };
    place.store.put_manifest(&known).await.unwrap();
    assert_eq!(place.store.manifest(&known.filename).await.unwrap(), known);
    assert_eq!(place.listed().await, ["app.dump", "app_monday.sql"]);
    place.store.delete(&known.filename).await.unwrap();
    place.store.delete(&name("app.dump")).await.unwrap();
    assert_eq!(place.files(), ["archive.sql.gz.json.bak", "notes.txt"]);
}

async fn a_backup_is_removed_with_all_that_belongs_to_it(place: Place) {
    back_up(&place.store, &app(), &noise(100)).await;
    place.put("app_20261122T020000Z.sql", b"another's");
    place.store.delete(&app()).await.unwrap();
    assert_eq!(place.files(), ["app_20261122T020000Z.sql"]);
    let error = place.store.delete(&app()).await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_NOT_FOUND");
    // The name is free again.
    back_up(&place.store, &app(), &noise(10)).await;
}

async fn every_kind_of_damage_is_found_and_named(place: Place) {
    let bytes = noise(300_000).to_vec();
    let sound = back_up(&place.store, &app(), &bytes.clone().into()).await;
    let damage = async |bytes: &[u8]| {
        place.put(app().as_str(), bytes);
        match place.store.digest(&sound, |_| {}).await {
            Err(StorageError::Damaged { damage, .. }) => damage,
            other => panic!("no damage was found: {other:?}"),
        }
    };
    assert!(matches!(damage(&bytes[1..]).await, Damage::Size { .. }));
    assert!(matches!(
        damage(&[&bytes[..], b"x"].concat()).await,
        Damage::Size { .. }
    ));
    assert!(matches!(damage(b"").await, Damage::Size { found: 0, .. }));
    for position in [0, 150_000, bytes.len() - 1] {
        let mut flipped = bytes.clone();
        flipped[position] ^= 1;
        assert!(matches!(damage(&flipped).await, Damage::Digest { .. }));
    }
    std::fs::remove_file(place.files.join(app().as_str())).unwrap();
    let error = place.store.digest(&sound, |_| {}).await.unwrap_err();
    assert_eq!(
        Failure::from(error).message,
        format!("backup {} is damaged: the archive is missing", app())
    );
}

async fn sql_is_decompressed_as_its_name_says(place: Place) {
    let gzip = |bytes: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(bytes).unwrap();
        encoder.finish().unwrap()
    };
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 1).unwrap();
    let plain = [b"one ", &noise(1_000_000)[..], b" end"].concat();
    // Members and frames after one another are one text.
    let parts = [b"one ", &noise(1_000_000)[..], b"", b" end"];
    let gzipped = parts.map(gzip).concat();
    let zstded = parts.map(zstd).concat();
    place.put("a.sql.gz", &gzipped);
    place.put("a.sql.zst", &zstded);
    place.put("a.sql", &plain);
    place.put("cut.sql.gz", &gzipped[..gzipped.len() - 9]);
    place.put("cut.sql.zst", &zstded[..zstded.len() - 9]);
    place.put("garbage.sql.gz", &[&gzipped[..], b"garbage"].concat());
    let read = async |file: &str| {
        let mut plain = Vec::new();
        let mut reader = place.store.decompressed(&name(file)).await.unwrap();
        reader.read_to_end(&mut plain).await.map(|_| plain)
    };
    for file in ["a.sql.gz", "a.sql.zst", "a.sql"] {
        assert!(read(file).await.unwrap() == plain, "{file}");
    }
    for file in ["cut.sql.gz", "cut.sql.zst", "garbage.sql.gz"] {
        read(file).await.unwrap_err();
    }
    for file in ["a.dump", "a.sql.gz.age"] {
        let error = place.store.decompressed(&name(file)).await.err().unwrap();
        assert_eq!(error.reason(), "BACKUP_NOT_SQL");
    }
}
