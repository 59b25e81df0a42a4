//! The manifest: what is known of one backup, as JSON beside its archive.
//!
//! The store describes itself: a fresh daemon that is given nothing but a store knows all its backups from their
//! manifests. A reader takes manifests of its own format version, and ignores fields that it does not know. What lists
//! and retention go by stands in the clear; what tells of the database's contents is encrypted with the archive.

use std::collections::BTreeMap;

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};
use uuid::Uuid;

use super::{BackupName, Contents};
use crate::model::failure::{Classified, Kind};

/// The manifest format that this program reads and writes. Format 1 was in use before the first release only.
pub const FORMAT_VERSION: u32 = 2;

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
    /// By another tool: put into the store, or uploaded.
    Foreign,
}

/// How far a backup has been checked, each level including the ones before.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum VerificationLevel {
    /// Archive and manifest are on stable storage.
    Committed,
    /// The archive's bytes were read back and have the manifest's SHA-256.
    Digest,
    /// The archive was decompressed to its end, and every table's rows in it were those of the manifest.
    FullRead,
    /// The archive was restored, and every table had the manifest's number of rows.
    Restored,
    /// The archive was restored, and every table had the manifest's rows, to the letter.
    ContentEqual,
}

/// A level of checking that a backup has passed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verification {
    /// The level.
    pub level: VerificationLevel,
    /// When it was last passed.
    pub time: DateTime<Utc>,
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
    /// Size of the decompressed SQL in bytes; 0 when it is not known.
    pub uncompressed_bytes: u64,
    /// How the archive is compressed: `gzip`, `zstd` or `none`.
    pub compression: String,
    /// The age recipients that can read the archive; empty when it is not encrypted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub recipients: Vec<String>,
    /// `server_version` of the server, e.g. `15.18`; empty when it is not known.
    pub server_version: String,
    /// `server_version_num` of the server, e.g. `150018`; 0 when it is not known.
    pub server_version_num: u32,
    /// Version of the `pg_dump` that wrote the schema.
    pub tool_version: String,
    /// Rows of the database's version table at the snapshot, sorted; empty when it has none.
    pub schema_version: Vec<String>,
    /// Number of tables whose rows are in the archive.
    pub table_count: u64,
    /// Number of their rows.
    pub row_count: u64,
    /// The operation that made it; nil when none did.
    pub operation_id: Uuid,
    /// Version of the pgsteward that made it.
    pub daemon_version: String,
    /// The levels of checking that it has passed, each once, lowest first.
    pub verifications: Vec<Verification>,
    /// Set since a check found that the archive is not what it was; a later full read that passes takes it away.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub damage: Option<FoundDamage>,
    /// Held by a person: neither retention nor DeleteBackup removes it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub hold: bool,
    /// What people have written on it.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
    /// What is in the archive; absent where that is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub contents: Option<StoredContents>,
}

/// [`Contents`] as a manifest holds them.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StoredContents {
    /// As they are.
    Open(Box<Contents>),
    /// As the archive is encrypted: their JSON, encrypted for the same recipients, in base64.
    Sealed(String),
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
    /// Written by a program from before the first release.
    #[error("the manifest has format {found}, from before the first release")]
    TooOld {
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
        if found < FORMAT_VERSION {
            return Err(ManifestError::TooOld { found });
        }
        serde_json::from_slice(bytes).map_err(ManifestError::Malformed)
    }

    /// The manifest as it is stored: JSON for machines that people can read too, a key a line, and the contents, which
    /// can be long, on one.
    pub fn to_json(&self) -> Result<Vec<u8>, serde_json::Error> {
        let serde_json::Value::Object(fields) = serde_json::to_value(self)? else {
            return serde_json::to_vec(self);
        };
        let mut text = String::from("{");
        for (position, (key, value)) in fields.iter().enumerate() {
            text.push_str(if position == 0 { "\n  " } else { ",\n  " });
            text.push_str(&serde_json::to_string(key)?);
            text.push_str(": ");
            text.push_str(&serde_json::to_string(value)?);
        }
        text.push_str("\n}\n");
        Ok(text.into_bytes())
    }

    /// The manifest as it is stored beside an encrypted archive: its contents' JSON is passed through `seal`.
    pub fn sealed<E: From<ManifestError>>(
        &self,
        seal: impl FnOnce(&[u8]) -> Result<String, E>,
    ) -> Result<Self, E> {
        let contents = match &self.contents {
            Some(StoredContents::Open(contents)) => {
                let json = serde_json::to_vec(contents).map_err(ManifestError::Malformed)?;
                Some(StoredContents::Sealed(seal(&json)?))
            }
            other => other.clone(),
        };
        Ok(Self {
            contents,
            ..self.clone()
        })
    }

    /// What is in the archive, where that is known and stands in the clear.
    pub fn open_contents(&self) -> Option<&Contents> {
        match &self.contents {
            Some(StoredContents::Open(contents)) => Some(contents),
            _ => None,
        }
    }

    /// Whether it was made by another tool.
    pub fn is_foreign(&self) -> bool {
        self.kind == BackupKind::Foreign
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
            Self::TooNew { .. } | Self::TooOld { .. } => Kind::FailedPrecondition,
            Self::Malformed(_) => Kind::DataLoss,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::TooNew { .. } => "MANIFEST_TOO_NEW",
            Self::TooOld { .. } => "MANIFEST_TOO_OLD",
            Self::Malformed(_) => "MANIFEST_DAMAGED",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::TooNew { .. } => {
                Some("use the pgsteward that made it, or a newer one".to_owned())
            }
            Self::TooOld { .. } => Some(
                "remove the manifest: the archive is then listed as one of another tool's"
                    .to_owned(),
            ),
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

    /// A manifest of format 2 as it was first written. It must stay readable for ever.
    fn first_format() -> Value {
        json!({
            "format_version": 2,
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
            "table_count": 1,
            "row_count": 42,
            "contents": {"open": {
                "tables": [{
                    "schema": "public", "table": "orders", "columns": ["id", "at"], "rows": 42,
                    "content_hash": "000102030405060708090a0b0c0d0e0f"
                }],
                "pre_data": [0, 300],
                "blocks": [[0, 300, 700, 42]],
                "sequences": [0, 0],
                "post_data": [1000, 234],
                "schema_archive": "H4sI",
                "database": {
                    "owner": "app_admin", "encoding": "UTF8", "collate": "C.UTF-8", "ctype": "C.UTF-8",
                    "locale_provider": "c", "connection_limit": -1
                },
                "roles": [{"name": "app_admin", "attributes": ["LOGIN"]}],
                "extensions": [{"name": "citext", "version": "1.6"}],
            }},
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
        assert_eq!(manifest.open_contents().unwrap().tables[0].rows, 42);
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
        let error = parse(&json!({"format_version": 3, "name": "x"})).unwrap_err();
        assert!(matches!(error, ManifestError::TooNew { found: 3 }));
        assert_eq!(error.reason(), "MANIFEST_TOO_NEW");
        let error = parse(&json!({"format_version": 1, "name": "x"})).unwrap_err();
        assert_eq!(error.reason(), "MANIFEST_TOO_OLD");
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
