//! Backups and retention as messages.

use super::{int32, int64, timestamp};
use crate::{
    model::{
        backup::{BackupKind, Manifest, StoredBackup, TableContents, VerificationLevel},
        retention::{Decision, RetentionResult},
    },
    ops::backup::list::Backups,
    proto,
};

/// The backup without its tables, as lists hold it.
pub(in crate::rpc) fn summary(backup: impl Into<proto::Backup>) -> proto::Backup {
    proto::Backup {
        tables: Vec::new(),
        ..backup.into()
    }
}

/// What a list says of manifests that cannot be used, and of stores that cannot be listed.
pub(in crate::rpc) fn unreadable(backups: &Backups) -> Vec<String> {
    let manifests = backups.unreadable.iter().map(|unreadable| {
        format!(
            "{} in store {:?}: {}",
            unreadable.filename, unreadable.store, unreadable.reason
        )
    });
    let stores = backups.failures.iter().map(|failed| {
        format!(
            "all of store {:?}: {}",
            failed.store, failed.failure.message
        )
    });
    manifests.chain(stores).collect()
}

impl From<StoredBackup> for proto::Backup {
    fn from(backup: StoredBackup) -> Self {
        Self {
            stores: backup.stores,
            ..backup.manifest.into()
        }
    }
}

impl From<Manifest> for proto::Backup {
    fn from(manifest: Manifest) -> Self {
        let tables = manifest
            .open_contents()
            .map_or(&[][..], |contents| &contents.tables);
        let tables = tables.iter().cloned().map(Into::into).collect();
        let large_objects = manifest
            .open_contents()
            .and_then(|contents| contents.large_objects);
        let large_object_count = int64(large_objects.map_or(0, |large| large.objects));
        let verifications = manifest
            .verifications
            .iter()
            .map(|verification| proto::Verification {
                level: proto::VerificationLevel::from(verification.level).into(),
                time: Some(timestamp(verification.time)),
            })
            .collect();
        Self {
            filename: manifest.filename.as_str().to_owned(),
            database: manifest.database,
            kind: proto::BackupKind::from(manifest.kind).into(),
            snapshot_time: Some(timestamp(manifest.snapshot_time)),
            complete_time: Some(timestamp(manifest.complete_time)),
            size_bytes: int64(manifest.size_bytes),
            sha256: manifest.sha256,
            uncompressed_bytes: int64(manifest.uncompressed_bytes),
            server_version: manifest.server_version,
            tool_version: manifest.tool_version,
            schema_version: manifest.schema_version,
            table_count: int32(usize::try_from(manifest.table_count).unwrap_or(usize::MAX)),
            row_count: int64(manifest.row_count),
            verifications,
            operation_id: manifest.operation_id.to_string(),
            tables,
            stores: Vec::new(),
            compression: manifest.compression,
            recipients: manifest.recipients,
            hold: manifest.hold,
            labels: manifest.labels.into_iter().collect(),
            large_object_count,
            damage_time: manifest
                .damage
                .as_ref()
                .map(|damage| timestamp(damage.time)),
            damage: manifest
                .damage
                .map(|damage| damage.message)
                .unwrap_or_default(),
        }
    }
}

impl From<TableContents> for proto::TableRows {
    fn from(table: TableContents) -> Self {
        Self {
            schema: table.schema,
            table: table.table,
            rows: int64(table.rows),
            content_hash: table.content_hash.to_string(),
        }
    }
}

impl From<BackupKind> for proto::BackupKind {
    fn from(kind: BackupKind) -> Self {
        match kind {
            BackupKind::Scheduled => Self::Scheduled,
            BackupKind::Manual => Self::Manual,
            BackupKind::PreRestore => Self::PreRestore,
            BackupKind::PreMigration => Self::PreMigration,
            BackupKind::Foreign => Self::Foreign,
        }
    }
}

impl From<VerificationLevel> for proto::VerificationLevel {
    fn from(level: VerificationLevel) -> Self {
        match level {
            VerificationLevel::Committed => Self::Committed,
            VerificationLevel::Digest => Self::Digest,
            VerificationLevel::FullRead => Self::FullRead,
            VerificationLevel::Restored => Self::Restored,
            VerificationLevel::ContentEqual => Self::ContentEqual,
        }
    }
}

impl From<RetentionResult> for proto::RetentionResult {
    fn from(result: RetentionResult) -> Self {
        Self {
            removed_count: int32(result.removed().count()),
            freed_bytes: int64(result.removed().map(|d| d.backup.size_bytes).sum()),
            database: result.database,
            decisions: result.decisions.into_iter().map(Into::into).collect(),
            validate_only: result.validate_only,
        }
    }
}

impl From<Decision> for proto::RetentionDecision {
    fn from(decision: Decision) -> Self {
        Self {
            filename: decision.backup.filename.as_str().to_owned(),
            keep: decision.keep,
            reason: decision.reason,
            size_bytes: int64(decision.backup.size_bytes),
        }
    }
}
