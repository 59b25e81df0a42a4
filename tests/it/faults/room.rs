//! A store that is full when a backup comes to its manifest, and when a restore makes its last backup.

use std::fs;

use super::{Before, start_beside};
use crate::support::{Client, Daemon, Site, disk::SmallDisk};
use pgsteward::proto::{Operation, RestoreRequest};

const PAGE: u64 = 4096;

/// So many tables that the manifest has many pages.
const TABLES: &str = "
    DO $$BEGIN FOR i IN 1..500 LOOP
        EXECUTE format('CREATE TABLE a_table_with_quite_a_long_name_%s (a_column_of_it int, another_one text)', i);
    END LOOP; END$$";

/// Fills the store up to so many bytes.
fn leave_room(site: &Site, bytes: u64) {
    let free = nix::sys::statvfs::statvfs(&site.store()).unwrap();
    let free = free.blocks_available() * free.fragment_size();
    let filler = usize::try_from(free - bytes).unwrap();
    fs::write(site.store().join("filler"), vec![0; filler]).unwrap();
}

async fn with_small_store() -> (Site, SmallDisk, Daemon, u64, u64) {
    let site = Site::new().await;
    let disk = SmallDisk::mount(site.store(), "4m");
    site.databases.run(TABLES).await;
    let daemon = site.start().await;
    let backup = daemon.client().back_up().await;
    let archive = u64::try_from(backup.size_bytes).unwrap();
    let manifest = site.store().join(format!("{}.json", backup.filename));
    let manifest = fs::metadata(manifest).unwrap().len();
    (site, disk, daemon, archive, manifest)
}

#[tokio::test]
async fn a_store_that_is_full_when_the_manifest_comes_keeps_no_backup() {
    let (site, disk, daemon, archive, manifest) = with_small_store().await;
    let client = daemon.client();
    assert!(manifest > 10 * PAGE, "{manifest}");
    leave_room(&site, archive.next_multiple_of(PAGE) + 4 * PAGE);
    let before = Before::of(&site, client).await;

    let error = client.failure(client.start_backup().await).await;

    super::is_told(
        &error,
        "STORE_FULL",
        "cannot write the manifest of backup app_",
    );
    assert_eq!(error.code, "RESOURCE_EXHAUSTED");
    before.nothing_is_left(&site, &daemon).await;
    fs::remove_file(site.store().join("filler")).unwrap();
    client.back_up().await;
    daemon.stop().await;
    drop(disk);
}

#[tokio::test]
async fn a_store_that_is_full_stops_a_restore_at_its_last_backup_and_no_restore_beside() {
    let (site, disk, daemon, archive, _) = with_small_store().await;
    let client = daemon.client();
    leave_room(&site, archive.next_multiple_of(PAGE) / 2);
    let before = Before::of(&site, client).await;
    let filename = before.listed[0].clone();
    client.enter_maintenance().await;

    let error = client.failure(restore(client, &filename).await).await;

    super::is_told(&error, "STORE_FULL", "backup app_");
    before.nothing_is_left(&site, &daemon).await;
    client.exit_maintenance().await;
    // That it was restored cannot be noted in the manifest; that is no reason to fail.
    client
        .outcome(start_beside(&site, client, &filename).await)
        .await;
    assert_eq!(site.stored_files(), before.files);
    daemon.stop().await;
    drop(disk);
}

async fn restore(client: &Client, filename: &str) -> Option<Operation> {
    let request = RestoreRequest {
        filename: filename.to_owned(),
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    answer.into_inner().operation
}
