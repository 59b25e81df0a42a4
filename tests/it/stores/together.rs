//! All stores together: one backup in several, copies, and stores that do not answer.

use std::fs;

use pgsteward::{
    model::{backup::FoundDamage, failure::Classified as _},
    storage::Stores,
};

use super::*;

fn found_damage() -> FoundDamage {
    FoundDamage {
        message: "it was looked at".to_owned(),
        time: "2026-11-23T00:00:00Z".parse().unwrap(),
    }
}

#[tokio::test]
async fn the_same_backup_in_two_stores_is_one() {
    let (local, at_local) = directory("local");
    let (remote, service) = s3().await;
    let stores = Stores::new(local, vec![remote], Vec::new());
    let bytes = noise(10_000_000);
    let backup = back_up(stores.primary(), &app(), &bytes).await;
    let other = back_up(&stores.copies()[0], &name("other.sql.gz"), &noise(10)).await;
    let copy = async || {
        let progress = |done| assert!(done <= 20_000_000);
        stores
            .copy(&backup, "local", "offsite", Uuid::now_v7(), progress)
            .await
    };
    copy().await.unwrap();
    copy().await.unwrap();
    assert_eq!(service.objects(PREFIX).len(), 4);

    let (found, holders) = stores.manifest(&app()).await.unwrap();
    assert_eq!(
        (&found, &holders[..]),
        (&backup, &["local".to_owned(), "offsite".to_owned()][..])
    );
    let listing = stores.list().await.unwrap();
    let listed: Vec<(&str, usize)> = listing
        .backups
        .iter()
        .map(|backup| (backup.manifest.filename.as_str(), backup.stores.len()))
        .collect();
    assert_eq!(listed, [("other.sql.gz", 1), (app().as_str(), 2)]);
    assert_eq!(stores.holder(&app(), "").await.unwrap().name(), "local");
    assert_eq!(
        stores.holder(&app(), "offsite").await.unwrap().name(),
        "offsite"
    );
    let error = stores.holder(&other.filename, "local").await.unwrap_err();
    assert_eq!(
        error.to_string(),
        "backup other.sql.gz is not in store \"local\""
    );
    let error = stores.holder(&app(), "tape").await.unwrap_err();
    assert_eq!(error.reason(), "STORE_NOT_FOUND");
    assert_eq!(error.hint().unwrap(), "configured are: local, offsite");

    // A change goes to both; what is lost in one store is read from the other.
    let held = Manifest {
        hold: true,
        ..backup
    };
    stores.put_manifest(&held).await.unwrap();
    assert!(stores.copies()[0].manifest(&app()).await.unwrap().hold);
    fs::remove_dir_all(at_local.path()).unwrap();
    let listing = stores.list().await.unwrap();
    assert_eq!(listing.backups.len(), 2);
    assert_eq!(listing.failures[0].store, "local");
    assert_eq!(listing.failures[0].failure.reason, "STORE_UNAVAILABLE");
    let holder = stores.holder(&app(), "").await.unwrap();
    assert!(archive(holder, &app(), 0).await == bytes);
}

#[tokio::test]
async fn what_is_bad_in_one_store_does_not_hide_what_is_good_in_another() {
    let (local, at_local) = directory("local");
    let (spare, _at_spare) = directory("spare");
    let stores = Stores::new(local, vec![spare], Vec::new());
    let backup = back_up(stores.primary(), &app(), &noise(1000)).await;
    let id = Uuid::now_v7();
    stores
        .copy(&backup, "local", "spare", id, |_| {})
        .await
        .unwrap();
    let damaged = Manifest {
        damage: Some(found_damage()),
        ..backup.clone()
    };
    stores.primary().put_manifest(&damaged).await.unwrap();

    let (found, holders) = stores.manifest(&app()).await.unwrap();
    assert_eq!((found, holders), (backup.clone(), vec!["spare".to_owned()]));
    let listing = stores.list().await.unwrap();
    assert_eq!(listing.backups[0].stores, ["spare"]);
    assert_eq!(listing.unreadable[0].store, "local");
    assert_eq!(
        listing.unreadable[0].reason,
        "it was found damaged: it was looked at"
    );

    fs::write(at_local.path().join(app().as_str()), b"cut").unwrap();
    let (_, holders) = stores.manifest(&app()).await.unwrap();
    assert_eq!(holders, ["spare"]);
    fs::remove_file(at_local.path().join(app().manifest_name())).unwrap();
    let listing = stores.list().await.unwrap();
    assert_eq!(listing.backups.len(), 1, "{listing:?}");
    assert!(
        listing.unreadable[0].reason.contains("another archive"),
        "{listing:?}"
    );
}

#[tokio::test]
async fn a_copy_of_a_damaged_archive_is_none() {
    let (local, at_local) = directory("local");
    let (remote, service) = s3().await;
    let stores = Stores::new(local, vec![remote], Vec::new());
    let bytes = noise(9_000_000);
    let backup = back_up(stores.primary(), &app(), &bytes).await;
    let copy = async || {
        stores
            .copy(&backup, "local", "offsite", Uuid::now_v7(), |_| {})
            .await
    };
    let mut flipped = bytes.to_vec();
    flipped[4_000_000] ^= 1;
    for bad in [&flipped[..], &bytes[1..]] {
        fs::write(at_local.path().join(app().as_str()), bad).unwrap();
        assert_eq!(copy().await.unwrap_err().reason(), "BACKUP_DAMAGED");
        assert_eq!(service.objects(PREFIX), Vec::<String>::new());
        assert_eq!(service.open_uploads(), 0);
    }
    fs::write(at_local.path().join(app().as_str()), &bytes).unwrap();
    back_up(&stores.copies()[0], &app(), &noise(10)).await;
    assert_eq!(copy().await.unwrap_err().reason(), "BACKUP_EXISTS");
}

#[tokio::test]
async fn a_removal_goes_to_every_store() {
    let (local, _at_local) = directory("local");
    let (spare, _at_spare) = directory("spare");
    let stores = Stores::new(local, Vec::new(), vec![spare]);
    let backup = back_up(stores.primary(), &app(), &noise(1000)).await;
    stores
        .copy(&backup, "local", "spare", Uuid::now_v7(), |_| {})
        .await
        .unwrap();
    assert!(stores.copies().is_empty());

    stores.delete(&app()).await.unwrap();
    for store in stores.all() {
        assert!(store.list().await.unwrap().manifests.is_empty());
    }
    let error = stores.delete(&app()).await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_NOT_FOUND");
}
