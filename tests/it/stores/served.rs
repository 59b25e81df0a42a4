//! Stores as a daemon's clients meet them.

use std::fs;

use pgsteward::proto::{
    Backup, DeleteBackupRequest, DownloadBackupRequest, GetBackupRequest, ListBackupsRequest,
    Operation, OperationState, RestoreRequest, VerifyBackupRequest, download_backup_response::Part,
    operation::Outcome,
};
use tonic::{Code, Status};

use super::*;
use crate::support::{Client, Site, chaos::Proxy, client::failure_of, expect_reason};

/// A site whose second store is a bucket behind this address.
async fn site(address: std::net::SocketAddr) -> Site {
    let mut site = Site::new().await;
    for (key, value) in [
        ("bucket", BUCKET),
        ("prefix", PREFIX),
        ("endpoint", &format!("http://{address}")),
        ("access_key_id", KEY_ID),
        ("secret_access_key", SECRET),
        ("allow_http", "true"),
        ("timeout", "500ms"),
    ] {
        site.set(&format!("stores.offsite.{key}"), value);
    }
    site.set("backup.store", "local");
    site.databases
        .run("CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS note FROM generate_series(1, 5000) n")
        .await;
    site
}

async fn get(client: &Client, filename: &str) -> Result<Backup, Status> {
    let filename = filename.to_owned();
    let answer = client
        .backup()
        .get_backup(GetBackupRequest { filename })
        .await?;
    Ok(answer.into_inner().backup.unwrap())
}

async fn list(client: &Client, store: &str) -> (Vec<Backup>, Vec<String>) {
    let request = ListBackupsRequest {
        store: store.to_owned(),
        ..ListBackupsRequest::default()
    };
    let answer = client
        .backup()
        .list_backups(request)
        .await
        .unwrap()
        .into_inner();
    (answer.backups, answer.unreadable_manifests)
}

async fn download(
    client: &Client,
    backup: &Backup,
    offset: i64,
    store: &str,
) -> Result<Vec<u8>, Status> {
    let request = DownloadBackupRequest {
        filename: backup.filename.clone(),
        offset,
        sha256: backup.sha256.clone(),
        store: store.to_owned(),
        ..DownloadBackupRequest::default()
    };
    let mut stream = client.backup().download_backup(request).await?.into_inner();
    let mut bytes = Vec::new();
    while let Some(message) = stream.message().await? {
        if let Some(Part::Chunk(chunk)) = message.part {
            bytes.extend_from_slice(&chunk);
        }
    }
    Ok(bytes)
}

async fn delete(client: &Client, filename: &str) -> Result<(), Status> {
    let filename = filename.to_owned();
    client
        .backup()
        .delete_backup(DeleteBackupRequest { filename })
        .await
        .map(drop)
}

async fn verify(client: &Client, filename: &str, store: &str) -> Operation {
    let request = VerifyBackupRequest {
        filename: filename.to_owned(),
        store: store.to_owned(),
        ..VerifyBackupRequest::default()
    };
    let answer = client.backup().verify_backup(request).await.unwrap();
    client.wait(answer.into_inner().operation).await
}

#[tokio::test]
async fn a_backup_is_copied_and_lies_in_both_stores_until_it_is_removed() {
    let service = S3::start().await;
    let mut site = site(service.address).await;
    site.set("backup.copies", "offsite");
    let daemon = site.start().await;
    let client = daemon.client();

    let first = client.back_up().await;
    let found = get(client, &first.filename).await.unwrap();
    assert_eq!(found.stores, ["local", "offsite"]);
    let whole = download(client, &first, 0, "").await.unwrap();
    assert_eq!(summary_of(&whole).sha256, first.sha256);
    assert_eq!(site.stored_files(), service.objects(PREFIX));
    assert_eq!(service.open_uploads(), 0);
    assert!(download(client, &first, 0, "offsite").await.unwrap() == whole);
    let unknown = download(client, &first, 0, "tape").await;
    expect_reason(unknown, Code::NotFound, "STORE_NOT_FOUND");

    // The local files are gone, as with a lost disk.
    for file in site.stored_files() {
        fs::remove_file(site.store().join(file)).unwrap();
    }
    let found = get(client, &first.filename).await.unwrap();
    assert_eq!(found.stores, ["offsite"]);
    assert!(list(client, "local").await.0.is_empty());
    assert_eq!(list(client, "offsite").await.0.len(), 1);
    assert!(download(client, &first, 0, "").await.unwrap() == whole);
    let rest = download(client, &first, 1000, "").await.unwrap();
    assert!(rest == whole[1000..]);
    let verified = verify(client, &first.filename, "").await;
    assert_eq!(verified.state(), OperationState::Succeeded, "{verified:?}");

    let second = client.back_up().await;
    delete(client, &first.filename).await.unwrap();
    let mut files = vec![second.filename.clone(), format!("{}.json", second.filename)];
    files.sort();
    assert_eq!(service.objects(PREFIX), files);
    assert_eq!(site.stored_files(), files);
    assert!(!daemon.process.log().contains(SECRET));
    daemon.stop().await;
}

#[tokio::test]
async fn a_copy_that_fails_fails_the_operation_and_not_the_backup() {
    let service = S3::start().await;
    let proxy = Proxy::before(service.address).await;
    let mut site = site(proxy.address).await;
    site.set("backup.copies", "offsite");
    let daemon = site.start().await;
    let client = daemon.client();
    proxy.cut();

    let operation = client.wait(client.start_backup().await).await;

    let error = failure_of(operation);
    assert_eq!(
        (error.reason.as_str(), error.code.as_str()),
        ("COPY_FAILED", "UNAVAILABLE")
    );
    assert!(
        error.message.contains("is good in store \"local\""),
        "{error:?}"
    );
    assert!(!format!("{error:?}").contains(SECRET), "{error:?}");
    let (backups, unreadable) = list(client, "").await;
    assert_eq!(backups.len(), 1);
    assert_eq!(backups[0].stores, ["local"]);
    assert!(
        unreadable[0].starts_with("all of store \"offsite\": "),
        "{unreadable:?}"
    );
    let verified = verify(client, &backups[0].filename, "local").await;
    assert_eq!(verified.state(), OperationState::Succeeded, "{verified:?}");

    // Once the service is back, so are the copies.
    proxy.resume();
    let second = client.back_up().await;
    let found = get(client, &second.filename).await.unwrap();
    assert_eq!(found.stores, ["local", "offsite"]);
    assert_eq!(service.objects(PREFIX).len(), 2);
    daemon.stop().await;
}

#[tokio::test]
async fn a_bucket_serves_as_the_only_place_of_backups() {
    let service = S3::start().await;
    let mut site = site(service.address).await;
    site.set("backup.store", "offsite");
    let daemon = site.start().await;
    let client = daemon.client();

    let backup = client.back_up().await;
    assert_eq!(site.stored_files(), Vec::<String>::new());
    let whole = download(client, &backup, 0, "").await.unwrap();
    assert!(download(client, &backup, 500, "").await.unwrap() == whole[500..]);
    site.databases.run("DELETE FROM orders WHERE id > 10").await;

    client.enter_maintenance().await;
    let request = RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    let outcome = client.outcome(answer.into_inner().operation).await;
    let Outcome::Restore(result) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(site.databases.rows("orders").await, 5000);
    let last = get(client, &result.pre_restore_backup).await.unwrap();
    assert_eq!(last.stores, ["offsite"]);
    assert_eq!(service.objects(PREFIX).len(), 4);
    assert_eq!(service.open_uploads(), 0);
    daemon.stop().await;
}

#[tokio::test]
async fn another_tools_archive_is_listed_as_that_of_the_database_it_is_named_after() {
    let site = Site::new().await;
    let daemon = site.start().await;
    let client = daemon.client();
    fs::write(site.store().join("app_20261122.sql"), "select 1;").unwrap();
    // That may be of a database `app_monday`.
    fs::write(site.store().join("app_monday.sql"), "select 1;").unwrap();
    fs::write(site.store().join("someone.sql"), "select 1;").unwrap();
    let (backups, _) = list(client, "").await;
    let mut seen: Vec<(&str, &str)> = backups
        .iter()
        .map(|backup| (backup.filename.as_str(), backup.database.as_str()))
        .collect();
    seen.sort_unstable();
    assert_eq!(
        seen,
        [
            ("app_20261122.sql", "app"),
            ("app_monday.sql", ""),
            ("someone.sql", "")
        ]
    );
    // It is nobody's newest good backup.
    delete(client, "app_20261122.sql").await.unwrap();
    daemon.stop().await;
}
