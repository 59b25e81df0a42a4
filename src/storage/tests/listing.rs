//! Listing, deleting and sweeping: what is shown, and what is left alone.

use super::*;

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
