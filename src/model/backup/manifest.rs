//! The manifest: what is known of one backup, as JSON beside its archive.
//!
//! The store describes itself: a fresh daemon that is given nothing but a store knows all its backups from their
//! manifests. A reader takes manifests of its own format version and older, and ignores fields that it does not know.

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::BackupName;
use crate::model::failure::{Classified, Kind};

/// The newest manifest format that this program reads, and the one that it writes.
pub const FORMAT_VERSION: u32 = 1;

/// The one value of [`Manifest::compression`] in format 1.
pub const COMPRESSION_GZIP: &str = "gzip";

/// Why a backup was made.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum BackupKind {
    /// By the schedule; the only kind that retention removes.
    Scheduled,
    /// By a call.
    Manual,
    /// By a restore, of the state that it is about to replace.
    PreRestore,
    /// By a migration, of the state that it is about to change.
    PreMigration,
}

/// How far a backup has been checked, each level including the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationLevel {
    /// Archive and manifest are on stable storage.
    Committed,
    /// The archive's bytes were read back and have the manifest's SHA-256.
    Digest,
    /// The archive was decompressed to its end.
    FullRead,
    /// The archive was restored, and every table had the manifest's number of rows.
    Restored,
}

/// A level of checking that a backup has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The level.
    pub level: VerificationLevel,
    /// When it was last passed.
    pub time: DateTime<Utc>,
}

/// The rows of one table at the backup's snapshot.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableRows {
    /// The table's schema.
    pub schema: String,
    /// The table's name.
    pub table: String,
    /// Rows of the table itself, without those of its children.
    pub rows: u64,
}

/// All that is known of one backup.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// [`FORMAT_VERSION`] of the program that wrote it.
    pub format_version: u32,
    /// The archive's name.
    pub filename: BackupName,
    /// The managed database, by its name in the configuration.
    pub database: String,
    /// Why it was made.
    pub kind: BackupKind,
    /// When the snapshot was taken: the archive holds the database as of this moment.
    pub snapshot_time: DateTime<Utc>,
    /// When the archive was complete; lists and retention go by this.
    pub complete_time: DateTime<Utc>,
    /// Size of the archive in bytes.
    pub size_bytes: u64,
    /// SHA-256 of the archive, 64 lower-case hexadecimal digits, as `sha256sum` prints it.
    pub sha256: String,
    /// Size of the decompressed SQL in bytes.
    pub uncompressed_bytes: u64,
    /// How the archive is compressed: [`COMPRESSION_GZIP`].
    pub compression: String,
    /// `server_version` of the server, e.g. `15.18`.
    pub server_version: String,
    /// `server_version_num` of the server, e.g. `150018`.
    pub server_version_num: u32,
    /// Version of the `pg_dump` that wrote the archive.
    pub tool_version: String,
    /// Rows of the database's version table at the snapshot, sorted; empty when it has none.
    pub schema_version: Vec<String>,
    /// The rows of each table at the snapshot.
    pub tables: Vec<TableRows>,
    /// The operation that made it.
    pub operation_id: Uuid,
    /// Version of the pgsteward that made it.
    pub daemon_version: String,
    /// The levels of checking that it has passed, each once, lowest first.
    pub verifications: Vec<Verification>,
    /// Set since a check found that the archive is not what it was; a later full read that passes takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<FoundDamage>,
}

/// That a check found an archive damaged.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundDamage {
    /// What was found.
    pub message: String,
    /// When.
    pub time: DateTime<Utc>,
}

/// Why a manifest cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ManifestError {
    /// Written by a newer program, whose fields may mean what this one cannot know.
    #[error(
        "the manifest has format {found}, and this pgsteward reads formats up to {FORMAT_VERSION}"
    )]
    TooNew {
        /// The manifest's format version.
        found: u32,
    },
    /// Not JSON, or not a manifest.
    #[error("the manifest is not readable")]
    Malformed(#[source] serde_json::Error),
}

impl Manifest {
    /// Reads a manifest.
    pub fn parse(bytes: &[u8]) -> Result<Self, ManifestError> {
        /// Read first and alone: the other fields of a newer format may look different.
        #[derive(Deserialize)]
        struct Format {
            format_version: u32,
        }

        let Format {
            format_version: found,
        } = serde_json::from_slice(bytes).map_err(ManifestError::Malformed)?;
        if found > FORMAT_VERSION {
            return Err(ManifestError::TooNew { found });
        }
        serde_json::from_slice(bytes).map_err(ManifestError::Malformed)
    }

    /// The manifest as it is stored: JSON for machines that people can read too.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let mut bytes = serde_json::to_vec_pretty(self)?;
        bytes.push(b'\n');
        Ok(bytes)
    }

    /// Whether the backup counts: for retention, as the newest good one, and for a restore.
    pub fn is_good(&self) -> bool {
        self.damage.is_none()
    }

    /// Notes that the backup passed `level` at `time`. Each level is kept once, with its newest time. The archive was read
    /// to its end for every level from the digest on, so that an earlier finding of damage is over.
    pub fn record(&mut self, level: VerificationLevel, time: DateTime<Utc>) {
        if level > VerificationLevel::Committed {
            self.damage = None;
        }
        let known = self
            .verifications
            .iter_mut()
            .find(|verification| verification.level == level);
        if let Some(known) = known {
            known.time = known.time.max(time);
        } else {
            self.verifications.push(Verification { level, time });
            self.verifications
                .sort_by_key(|verification| verification.level);
        }
    }
}

impl Classified for ManifestError {
    fn kind(&self) -> Kind {
        match self {
            Self::TooNew { .. } => Kind::FailedPrecondition,
            Self::Malformed(_) => Kind::DataLoss,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TooNew { .. } => "MANIFEST_TOO_NEW",
            Self::Malformed(_) => "MANIFEST_DAMAGED",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TooNew { .. } => {
                Some("use the pgsteward that made it, or a newer one".to_owned())
            }
            Self::Malformed(_) => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use serde_json::{Value, json};

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    /// A manifest of format 1 as it was first written. It must stay readable for ever.
    fn first_format() -> Value {
        json!({
            "format_version": 1,
            "filename": "app_20261122T020000Z.sql.gz",
            "database": "app",
            "kind": "scheduled",
            "snapshot_time": "2026-11-22T02:00:00Z",
            "complete_time": "2026-11-22T02:03:10.250Z",
            "size_bytes": 1234,
            "sha256": "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef",
            "uncompressed_bytes": 5678,
            "compression": "gzip",
            "server_version": "15.18",
            "server_version_num": 150_018,
            "tool_version": "15.18",
            "schema_version": ["0a1b2c3d4e5f"],
            "tables": [{"schema": "public", "table": "orders", "rows": 42}],
            "operation_id": "01936a3c-5b8e-7000-8000-000000000001",
            "daemon_version": "0.1.0",
            "verifications": [{"level": "committed", "time": "2026-11-22T02:03:11Z"}],
        })
    }

    fn parse(value: &Value) -> Result<Manifest, ManifestError> {
        Manifest::parse(value.to_string().as_bytes())
    }

    #[test]
    fn a_manifest_of_the_first_format_reads_and_writes_without_loss() {
        let manifest = parse(&first_format()).unwrap();
        assert_eq!(manifest.kind, BackupKind::Scheduled);
        assert_eq!(manifest.tables[0].rows, 42);
        let written = manifest.to_json().unwrap();
        assert_eq!(Manifest::parse(&written).unwrap(), manifest);
        assert_eq!(
            serde_json::from_slice::<Value>(&written).unwrap(),
            first_format()
        );
    }

    #[test]
    fn fields_that_are_not_known_are_ignored() {
        let mut value = first_format();
        value["member_index"] = json!([1, 2, 3]);
        assert_eq!(parse(&value).unwrap(), parse(&first_format()).unwrap());
    }

    #[test]
    fn a_newer_format_is_refused_as_such_even_when_its_fields_differ() {
        let error = parse(&json!({"format_version": 2, "name": "x"})).unwrap_err();
        assert!(matches!(error, ManifestError::TooNew { found: 2 }));
        assert_eq!(error.reason(), "MANIFEST_TOO_NEW");
    }

    #[test]
    fn bytes_that_are_no_manifest_are_refused() {
        let whole = first_format().to_string();
        for bytes in [
            &b""[..],
            b"{}",
            b"null",
            b"\xff\xfe",
            &whole.as_bytes()[..whole.len() / 2],
        ] {
            let error = Manifest::parse(bytes).unwrap_err();
            assert_eq!(error.reason(), "MANIFEST_DAMAGED");
        }
    }

    #[test]
    fn a_manifest_cannot_name_a_file_elsewhere() {
        let mut value = first_format();
        value["filename"] = json!("../../etc/app.sql.gz");
        assert!(matches!(parse(&value), Err(ManifestError::Malformed(_))));
    }

    #[test]
    fn each_level_is_recorded_once_with_its_newest_time_and_in_order() {
        let mut manifest = parse(&first_format()).unwrap();
        manifest.record(VerificationLevel::FullRead, at("2026-11-23T00:00:00Z"));
        manifest.record(VerificationLevel::Digest, at("2026-11-23T00:00:00Z"));
        manifest.record(VerificationLevel::FullRead, at("2026-11-25T00:00:00Z"));
        manifest.record(VerificationLevel::FullRead, at("2026-11-24T00:00:00Z"));
        let recorded: Vec<_> = manifest
            .verifications
            .iter()
            .map(|verification| (verification.level, verification.time))
            .collect();
        assert_eq!(
            recorded,
            [
                (VerificationLevel::Committed, at("2026-11-22T02:03:11Z")),
                (VerificationLevel::Digest, at("2026-11-23T00:00:00Z")),
                (VerificationLevel::FullRead, at("2026-11-25T00:00:00Z")),
            ]
        );
    }
}
