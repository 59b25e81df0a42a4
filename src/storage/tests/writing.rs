//! Writing: nothing is visible before the manifest, nothing is written over, and a full disk is named as such.

use super::*;

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
    kept.schema_version = vec!["0a1b2c3d4e5f".to_owned(); 100_000];
    let error = store.put_manifest(&kept).await.unwrap_err();
    assert_eq!(error.reason(), "STORE_FULL");
    kept.schema_version.clear();
    assert_eq!(store.list_manifests().await.unwrap().manifests, [kept]);
}
