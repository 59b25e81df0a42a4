//! Stores: one set of behaviours held against a directory and an S3 service (`contract`), what is special to a directory
//! (`directory`), all stores together (`together`), faults of the line to S3 (`faults`), and all of it through the daemon
//! (`served`).

mod contract;
mod directory;
mod faults;
mod served;
mod together;

use std::{collections::BTreeMap, time::Duration};

use bytes::Bytes;
use pgsteward::{
    model::backup::{BackupKind, BackupName, Manifest},
    storage::{ArchiveSummary, BucketSettings, Store, hexadecimal},
};
use sha2::{Digest as _, Sha256};
use tempfile::TempDir;
use tokio::io::AsyncReadExt as _;
use uuid::Uuid;

use crate::support::s3::{BUCKET, KEY_ID, S3, SECRET};

/// What the test's objects lie below.
const PREFIX: &str = "production/app";

fn name(text: &str) -> BackupName {
    BackupName::parse(text).unwrap()
}

fn app() -> BackupName {
    name("app_20261122T020000Z.sql.gz")
}

/// Bytes without a pattern; the same for the same length.
fn noise(length: usize) -> Bytes {
    let mut state = 0x9e37_79b9_7f4a_7c15_u64;
    let mut bytes = Vec::with_capacity(length + 8);
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend(state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes.into()
}

fn summary_of(archive: &[u8]) -> ArchiveSummary {
    ArchiveSummary {
        size_bytes: archive.len() as u64,
        sha256: hexadecimal(Sha256::new_with_prefix(archive)),
    }
}

fn manifest(name: &BackupName, summary: &ArchiveSummary) -> Manifest {
    Manifest {
        format_version: 2,
        filename: name.clone(),
        database: "app".to_owned(),
        kind: BackupKind::Scheduled,
        snapshot_time: "2026-11-22T02:00:00Z".parse().unwrap(),
        complete_time: "2026-11-22T02:01:00Z".parse().unwrap(),
        size_bytes: summary.size_bytes,
        sha256: summary.sha256.clone(),
        uncompressed_bytes: 0,
        compression: "gzip".to_owned(),
        recipients: Vec::new(),
        server_version: "15.18".to_owned(),
        server_version_num: 150_018,
        tool_version: "15.18".to_owned(),
        schema_version: Vec::new(),
        table_count: 0,
        row_count: 0,
        operation_id: Uuid::nil(),
        daemon_version: "0.1.0".to_owned(),
        verifications: Vec::new(),
        damage: None,
        hold: false,
        labels: BTreeMap::new(),
        contents: None,
    }
}

/// Makes a backup of these bytes in a store.
async fn back_up(store: &Store, name: &BackupName, archive: &Bytes) -> Manifest {
    let mut upload = store.create(name, Uuid::now_v7()).await.unwrap();
    for piece in archive.chunks(700_000) {
        upload.append(archive.slice_ref(piece)).await.unwrap();
    }
    let manifest = manifest(name, &upload.finish().await.unwrap());
    store.commit(&manifest).await.unwrap();
    manifest
}

/// The whole archive as the store gives it.
async fn archive(store: &Store, name: &BackupName, offset: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut reader = store.read(name, offset).await.unwrap();
    reader.read_to_end(&mut bytes).await.unwrap();
    bytes
}

/// A store on a directory of the test's.
fn directory(name: &str) -> (Store, TempDir) {
    let directory = tempfile::tempdir().unwrap();
    let store = Store::open_directory(name, directory.path()).unwrap();
    (store, directory)
}

fn settings(endpoint: String) -> BucketSettings {
    BucketSettings {
        bucket: BUCKET.to_owned(),
        prefix: PREFIX.to_owned(),
        region: "us-east-1".to_owned(),
        endpoint: Some(endpoint),
        access_key_id: KEY_ID.to_owned(),
        secret_access_key: SECRET.into(),
        session_token: None,
        allow_http: true,
        path_style: true,
        timeout: Duration::from_secs(30),
    }
}

/// A store with these settings.
fn bucket(settings: &BucketSettings) -> Store {
    // Who comes second finds it there.
    let _ = rustls::crypto::ring::default_provider().install_default();
    Store::open_bucket("offsite", settings).unwrap()
}

/// A store on a bucket of the test's own service.
async fn s3() -> (Store, S3) {
    let service = S3::start().await;
    let store = bucket(&settings(service.endpoint()));
    (store, service)
}
