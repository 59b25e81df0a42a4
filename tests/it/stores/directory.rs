//! What is special to a directory: who may read it, odd files in it, staged files, a full disk.

use std::{
    ffi::OsStr,
    fs,
    os::unix::{ffi::OsStrExt as _, fs::PermissionsExt as _},
};

use pgsteward::model::failure::Classified as _;

use super::*;
use crate::support::disk::SmallDisk;

#[tokio::test]
async fn a_directory_that_is_missing_is_made_for_its_owner_alone() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("a/b");
    let store = Store::open_directory("local", &path).unwrap();
    let mode = |path: &std::path::Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    assert_eq!(mode(&path), 0o700);
    assert!(store.list().await.unwrap().manifests.is_empty());
    assert!(store.free_bytes().await.unwrap().unwrap() > 0);

    back_up(&store, &app(), &noise(100)).await;
    assert_eq!(mode(&path.join(app().as_str())), 0o600);
    assert_eq!(mode(&path.join(app().manifest_name())), 0o600);

    fs::write(above.path().join("file"), b"").unwrap();
    let error = Store::open_directory("local", &above.path().join("file")).unwrap_err();
    assert_eq!(error.reason(), "STORE_UNAVAILABLE");
    fs::remove_dir_all(&path).unwrap();
    let error = store.list().await.unwrap_err();
    assert_eq!(error.reason(), "STORE_UNAVAILABLE");
}

#[tokio::test]
async fn files_of_any_name_are_passed_over() {
    let (store, directory) = directory("local");
    back_up(&store, &app(), &noise(10)).await;
    for foreign in [
        &b"notes.json"[..],
        b"gr\xc3\xb6\xc3\x9fe 100%.sql.gz.json",
        b"not utf-8 \xff\xfe",
        b"line\nbreak\x01",
        b"back\\slash",
        b".hidden",
        b"%2e%2e%2fapp.sql.gz.json",
        b"app.sql.gz#1",
    ] {
        fs::write(
            directory.path().join(OsStr::from_bytes(foreign)),
            b"not ours",
        )
        .unwrap();
    }
    fs::create_dir(directory.path().join("lost+found")).unwrap();
    fs::create_dir(directory.path().join("dir.sql.gz")).unwrap();
    fs::create_dir(directory.path().join("dir.sql.gz.json")).unwrap();
    std::os::unix::fs::symlink("nowhere", directory.path().join("dangling.sql.gz")).unwrap();

    let listing = store.list().await.unwrap();
    assert_eq!(listing.manifests.len(), 1);
    assert_eq!(listing.unreadable, []);
}

#[tokio::test]
async fn a_sweep_removes_the_staged_files_of_its_name_alone() {
    let (store, directory) = directory("local");
    let staged = [
        "app.sql.gz#1",
        "app.sql.gz#27",
        "app.sql.gz.json#1",
        "app.sql.gz.partial#1",
    ];
    let others = ["app.sql.gz#old", "other.sql.gz#1"];
    for file in staged.iter().chain(&others) {
        fs::write(directory.path().join(file), b"left").unwrap();
    }
    let mut removed = store.sweep(&name("app.sql.gz")).await.unwrap();
    removed.sort();
    let mut expected = staged;
    expected.sort_unstable();
    assert_eq!(removed, expected);
    for file in others {
        assert!(directory.path().join(file).exists());
    }
}

#[tokio::test]
async fn what_is_read_while_it_is_removed_is_read_to_its_end() {
    let (store, _directory) = directory("local");
    let bytes = noise(3_000_000);
    back_up(&store, &app(), &bytes).await;
    let mut reader = store.read(&app(), 0).await.unwrap();
    let mut read = vec![0; 10];
    reader.read_exact(&mut read).await.unwrap();
    store.delete(&app()).await.unwrap();
    reader.read_to_end(&mut read).await.unwrap();
    assert!(read == bytes);
}

#[tokio::test]
async fn a_full_disk_is_named_as_such_and_keeps_what_it_had() {
    let above = tempfile::tempdir().unwrap();
    let path = above.path().join("disk");
    let disk = SmallDisk::mount(path.clone(), "12m");
    let store = Store::open_directory("local", &path).unwrap();
    let mut kept = back_up(&store, &app(), &noise(1_000_000)).await;
    let free = store.free_bytes().await.unwrap();

    // Once it runs full under way, once only with the last part.
    for bytes in [40_000_000, 11_500_000] {
        let operation = Uuid::now_v7();
        let mut upload = store
            .create(&name("large.sql.gz"), operation)
            .await
            .unwrap();
        let error = match upload.append(noise(bytes)).await {
            Err(error) => error,
            Ok(()) => upload.finish().await.unwrap_err(),
        };
        assert_eq!(error.reason(), "STORE_FULL");
        assert!(error.to_string().contains("\"local\""), "{error}");
        assert_eq!(store.free_bytes().await.unwrap(), free);
    }

    fs::write(path.join("filler"), noise(12_000_000)).unwrap_err();
    kept.schema_version = vec!["0a1b2c3d4e5f".to_owned(); 100_000];
    let error = store.put_manifest(&kept).await.unwrap_err();
    assert_eq!(error.reason(), "STORE_FULL");
    kept.schema_version.clear();
    assert_eq!(store.list().await.unwrap().manifests, [kept]);
    drop(disk);
}
