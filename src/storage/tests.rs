//! A store on a real directory: what is visible when, what damage is found, and what is left alone.

#![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

mod listing;
mod reading;
mod writing;

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
    backup::{BackupKind, BackupName, Manifest},
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
        format_version: 2,
        filename: name.clone(),
        database: "app".to_owned(),
        kind: BackupKind::Scheduled,
        snapshot_time: at("2026-11-22T02:00:00Z"),
        complete_time: at("2026-11-22T02:01:00Z"),
        size_bytes: summary.size_bytes,
        sha256: summary.sha256.clone(),
        uncompressed_bytes: summary.uncompressed_bytes,
        compression: "gzip".to_owned(),
        recipients: Vec::new(),
        server_version: "15.18".to_owned(),
        server_version_num: 150_018,
        tool_version: "15.18".to_owned(),
        schema_version: Vec::new(),
        table_count: 0,
        row_count: 0,
        operation_id: uuid::Uuid::nil(),
        daemon_version: "0.1.0".to_owned(),
        verifications: Vec::new(),
        damage: None,
        hold: false,
        labels: std::collections::BTreeMap::new(),
        contents: None,
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
