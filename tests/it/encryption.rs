//! Encrypted backups from end to end: nothing in the clear reaches the store, what works without the private key, and that
//! with it everything does.

use std::{fs, os::unix::fs::PermissionsExt as _};

use age::{secrecy::ExposeSecret as _, x25519::Identity};
use pgsteward::proto::{
    Backup, DownloadBackupRequest, GetBackupRequest, RestoreRequest, VerificationLevel,
    VerifyBackupRequest, operation::Outcome,
};
use tonic::Code;

use crate::{
    backup::{archive, download, list, sha256, size, unpacked},
    support::{Client, Site, client::failure_of, expect_field, expect_reason},
};

const SCHEMA: &str = "
CREATE TABLE confidential_customers (id int PRIMARY KEY, name text);
INSERT INTO confidential_customers SELECT n, 'Jane Hidden ' || n FROM generate_series(1, 20000) n;
CREATE TABLE others AS SELECT generate_series(1, 10) AS n;
";

/// A site whose daemon encrypts and has no private key yet, and the key.
async fn encrypting() -> (Site, Identity) {
    let mut site = Site::new().await;
    let identity = Identity::generate();
    site.set("backup.recipients", &identity.to_public().to_string());
    (site, identity)
}

fn give_identity(site: &mut Site, identity: &Identity) {
    let file = site.path("identity.txt");
    fs::write(&file, identity.to_string().expose_secret()).unwrap();
    fs::set_permissions(&file, fs::Permissions::from_mode(0o600)).unwrap();
    site.set("backup.identity_file", file.to_str().unwrap());
}

async fn verify(
    client: &Client,
    backup: &Backup,
    level: VerificationLevel,
) -> pgsteward::proto::Operation {
    let request = VerifyBackupRequest {
        filename: backup.filename.clone(),
        level: level.into(),
        ..VerifyBackupRequest::default()
    };
    let answer = client.backup().verify_backup(request).await.unwrap();
    client.wait(answer.into_inner().operation).await
}

fn whole(backup: &Backup) -> DownloadBackupRequest {
    DownloadBackupRequest {
        filename: backup.filename.clone(),
        ..DownloadBackupRequest::default()
    }
}

fn decrypted(backup: &Backup) -> DownloadBackupRequest {
    DownloadBackupRequest {
        decrypt: true,
        ..whole(backup)
    }
}

fn contains(bytes: &[u8], text: &str) -> bool {
    bytes
        .windows(text.len())
        .any(|part| part == text.as_bytes())
}

#[tokio::test]
async fn without_the_private_key_a_backup_is_made_listed_and_kept_and_tells_nothing() {
    let (site, _) = encrypting().await;
    site.databases.run(SCHEMA).await;
    let daemon = site.start().await;
    let client = daemon.client();
    let backup = client.back_up().await;

    assert!(backup.filename.ends_with(".sql.gz.age"), "{backup:?}");
    assert!(archive(&site, &backup).starts_with(b"age-encryption.org/v1\n"));
    for file in site.stored_files() {
        let bytes = fs::read(site.store().join(&file)).unwrap();
        for text in ["confidential", "Jane Hidden", "CREATE TABLE", "public"] {
            assert!(!contains(&bytes, text), "{text:?} is in {file}");
        }
    }
    let listed = list(client).await;
    assert_eq!(listed.len(), 1);
    assert_eq!(listed[0].sha256, sha256(&archive(&site, &backup)));
    let request = GetBackupRequest {
        filename: backup.filename.clone(),
    };
    client.backup().get_backup(request).await.unwrap();

    let checked = verify(client, &backup, VerificationLevel::Digest).await;
    assert!(
        matches!(checked.outcome, Some(Outcome::Backup(_))),
        "{checked:?}"
    );
    let unread = failure_of(verify(client, &backup, VerificationLevel::FullRead).await);
    assert_eq!(unread.reason, "NO_IDENTITY");
    // That it cannot be read is no damage.
    assert_eq!(list(client).await.len(), 1);

    let (header, bytes, _) = download(client, whole(&backup)).await.unwrap();
    assert_eq!(header.sha256, backup.sha256);
    assert!(bytes == archive(&site, &backup));
    let refused = download(client, decrypted(&backup)).await;
    expect_reason(refused, Code::FailedPrecondition, "NO_IDENTITY");
    daemon.stop().await;
}

#[tokio::test]
async fn with_the_private_key_a_backup_is_verified_downloaded_and_restored() {
    let (mut site, identity) = encrypting().await;
    site.databases.run(SCHEMA).await;
    give_identity(&mut site, &identity);
    let daemon = site.start().await;
    let client = daemon.client();
    let backup = client.back_up().await;
    let checked = verify(client, &backup, VerificationLevel::FullRead).await;
    assert!(
        matches!(checked.outcome, Some(Outcome::Backup(_))),
        "{checked:?}"
    );

    let (header, bytes, trailer) = download(client, decrypted(&backup)).await.unwrap();
    assert_eq!(format!("{}.age", header.filename), backup.filename);
    assert_eq!((header.size_bytes, header.sha256.as_str()), (0, ""));
    assert_eq!(
        (trailer.sent_bytes, trailer.sha256),
        (size(&bytes), sha256(&bytes))
    );
    let stored = archive(&site, &backup);
    let mut plain = age::Decryptor::new_buffered(stored.as_slice())
        .unwrap()
        .decrypt(std::iter::once(&identity as &dyn age::Identity))
        .unwrap();
    let mut expected = Vec::new();
    std::io::Read::read_to_end(&mut plain, &mut expected).unwrap();
    assert!(bytes == expected);
    let sql = unpacked(&bytes);
    assert!(sql.contains("Jane Hidden 20000"));

    let request = DownloadBackupRequest {
        compression: "none".to_owned(),
        ..decrypted(&backup)
    };
    let (header, bytes, _) = download(client, request.clone()).await.unwrap();
    assert!(header.filename.ends_with("Z.sql"), "{header:?}");
    assert!(bytes == sql.as_bytes());
    let in_the_clear = DownloadBackupRequest {
        decrypt: false,
        ..request
    };
    expect_field(download(client, in_the_clear).await, "decrypt");
    let request = DownloadBackupRequest {
        tables: vec!["public.others".to_owned()],
        ..decrypted(&backup)
    };
    let (_, bytes, _) = download(client, request).await.unwrap();
    let rows = unpacked(&bytes);
    assert!(rows.contains(r#"COPY "public"."others""#) && !rows.contains("Jane Hidden"));
    let resumed = DownloadBackupRequest {
        offset: 10,
        sha256: backup.sha256.clone(),
        ..decrypted(&backup)
    };
    expect_field(download(client, resumed).await, "offset");

    site.databases
        .run("DELETE FROM confidential_customers")
        .await;
    client.enter_maintenance().await;
    let request = RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    };
    let answer = client.restore().restore(request).await.unwrap();
    client.outcome(answer.into_inner().operation).await;
    client.exit_maintenance().await;
    assert_eq!(site.databases.rows("confidential_customers").await, 20_000);
    let listed = list(client).await;
    assert!(listed.iter().all(|backup| backup.filename.contains(".age")));
    daemon.stop().await;
}

#[tokio::test]
async fn the_private_key_of_somebody_else_opens_nothing() {
    let (mut site, _) = encrypting().await;
    site.databases.run(SCHEMA).await;
    give_identity(&mut site, &Identity::generate());
    let daemon = site.start().await;
    let client = daemon.client();
    let backup = client.back_up().await;
    let refused = download(client, decrypted(&backup)).await;
    expect_reason(refused, Code::FailedPrecondition, "NO_IDENTITY");
    daemon.stop().await;
}
