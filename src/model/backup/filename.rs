//! The names of archives. A [`BackupName`] is the only thing that `storage` makes a path from.
//!
//! Names that come from outside (a request, a manifest, a directory) pass [`BackupName::parse`]; its alphabet is so
//! narrow that a valid name is the same in a file system, in an object store, in a shell and in a URL.

use std::{fmt, str::FromStr};

use chrono::{DateTime, Utc};
use serde::{Deserialize, Serialize};

use crate::model::failure::{Classified, FieldViolation, Kind};

/// What the name of an encrypted archive has behind its format's ending.
const ENCRYPTED_SUFFIX: &str = ".age";
/// What a manifest's name has behind the archive's.
const MANIFEST_SUFFIX: &str = ".json";
/// File systems allow 255 bytes; some are left for `.json` and for the mark of a file that is still being written.
const MAX_BYTES: usize = 240;
/// The server cuts its names at 63 bytes; a longer one in the configuration is cut here.
const MAX_DATABASE_BYTES: usize = 63;

/// What an archive is, as the ending of its name says.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum ArchiveFormat {
    /// Plain SQL, `.sql`; only made by other tools.
    Sql,
    /// SQL in gzip members, `.sql.gz`.
    Gzip,
    /// SQL in zstd frames, `.sql.zst`.
    Zstd,
    /// The custom format of `pg_dump -Fc`, `.dump`; only made by other tools.
    Custom,
}

impl ArchiveFormat {
    /// Every format.
    pub const ALL: [Self; 4] = [Self::Sql, Self::Gzip, Self::Zstd, Self::Custom];

    /// How names of this format end.
    pub fn suffix(self) -> &'static str {
        match self {
            Self::Sql => ".sql",
            Self::Gzip => ".sql.gz",
            Self::Zstd => ".sql.zst",
            Self::Custom => ".dump",
        }
    }

    /// The name as manifests and settings have it: `gzip`, `zstd`; `none` for what is not compressed as a whole.
    pub fn compression(self) -> &'static str {
        match self {
            Self::Gzip => "gzip",
            Self::Zstd => "zstd",
            Self::Sql | Self::Custom => "none",
        }
    }
}

/// The file name of an archive, e.g. `app_20261122T020000Z.sql.gz`.
///
/// It ends with an [`ArchiveFormat`]'s suffix, and with `.age` behind that when the archive is encrypted.
/// It holds ASCII letters, digits, `_`, `-` and single dots only, and does not begin with a dot or a dash.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct BackupName(String);

/// A text that cannot be the name of a backup.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("not a backup's file name: {reason}")]
pub struct InvalidBackupName {
    reason: &'static str,
}

impl BackupName {
    /// The name for a backup of `database` whose snapshot was taken at `time`:
    /// `<database>_<yyyymmdd>T<hhmmss>Z.sql.gz`, or with another format's ending.
    ///
    /// `attempt` counts from 1; from 2 on, for a second that is taken already, the name has `_<attempt>` before its
    /// ending. Characters of the database's name that a backup's name cannot have become `_`; which database it is
    /// stands in the manifest.
    pub fn new(
        database: &str,
        time: DateTime<Utc>,
        attempt: u32,
        format: ArchiveFormat,
        encrypted: bool,
    ) -> Self {
        let database: String = database
            .chars()
            .take(MAX_DATABASE_BYTES)
            .map(|character| {
                if character.is_ascii_alphanumeric() || character == '-' {
                    character
                } else {
                    '_'
                }
            })
            .collect();
        let database = match database.strip_prefix('-') {
            Some(rest) => format!("_{rest}"),
            None => database,
        };
        let time = time.format("%Y%m%dT%H%M%SZ");
        let number = if attempt > 1 {
            format!("_{attempt}")
        } else {
            String::new()
        };
        let encryption = if encrypted { ENCRYPTED_SUFFIX } else { "" };
        let suffix = format.suffix();
        Self(format!("{database}_{time}{number}{suffix}{encryption}"))
    }

    /// Checks a name that came from outside.
    pub fn parse(text: &str) -> Result<Self, InvalidBackupName> {
        let refuse = |reason| Err(InvalidBackupName { reason });
        if text.is_empty() {
            return refuse("it is empty");
        }
        if text.len() > MAX_BYTES {
            return refuse("it is longer than 240 bytes");
        }
        if text.starts_with(['.', '-']) {
            return refuse("it begins with a dot or a dash");
        }
        if text.contains("..") {
            return refuse("it has two dots in a row");
        }
        if !text
            .bytes()
            .all(|byte| byte.is_ascii_alphanumeric() || b"_-.".contains(&byte))
        {
            return refuse("it has characters other than letters, digits, `_`, `-` and `.`");
        }
        if format_of(text).is_none() {
            return refuse(
                "it does not end with `.sql`, `.sql.gz`, `.sql.zst` or `.dump`, or with `.age` behind one of them",
            );
        }
        Ok(Self(text.to_owned()))
    }

    /// The archive's name when `text` is the name of a manifest.
    pub fn of_manifest(text: &str) -> Option<Self> {
        Self::parse(text.strip_suffix(MANIFEST_SUFFIX)?).ok()
    }

    /// What the archive is, by its name's ending.
    pub fn format(&self) -> ArchiveFormat {
        // Each name passed `parse`, which wants a format, or was made with one.
        format_of(&self.0).unwrap_or(ArchiveFormat::Sql)
    }

    /// Whether the archive is encrypted, by its name's ending.
    pub fn is_encrypted(&self) -> bool {
        self.0.ends_with(ENCRYPTED_SUFFIX)
    }

    /// The name of the same archive once it is encrypted.
    pub fn encrypted(&self) -> Result<Self, InvalidBackupName> {
        if self.is_encrypted() {
            return Ok(self.clone());
        }
        Self::parse(&format!("{self}{ENCRYPTED_SUFFIX}"))
    }

    /// What the archive is called once it is decrypted, and packed as that format.
    pub fn repacked(&self, format: ArchiveFormat) -> String {
        let name = self.0.strip_suffix(ENCRYPTED_SUFFIX).unwrap_or(&self.0);
        let stem = name.strip_suffix(self.format().suffix()).unwrap_or(name);
        format!("{stem}{}", format.suffix())
    }

    /// The archive's file name.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The file name of its manifest.
    pub fn manifest_name(&self) -> String {
        format!("{}{MANIFEST_SUFFIX}", self.0)
    }
}

fn format_of(name: &str) -> Option<ArchiveFormat> {
    let name = name.strip_suffix(ENCRYPTED_SUFFIX).unwrap_or(name);
    ArchiveFormat::ALL
        .into_iter()
        .find(|format| name.ends_with(format.suffix()))
}

impl fmt::Display for BackupName {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.0)
    }
}

impl FromStr for BackupName {
    type Err = InvalidBackupName;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text)
    }
}

impl TryFrom<String> for BackupName {
    type Error = InvalidBackupName;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<BackupName> for String {
    fn from(name: BackupName) -> Self {
        name.0
    }
}

impl Classified for InvalidBackupName {
    fn kind(&self) -> Kind {
        Kind::InvalidArgument
    }

    fn reason(&self) -> &'static str {
        "INVALID_FILENAME"
    }

    fn hint(&self) -> Option<String> {
        Some("give a file name as ListBackups shows it".to_owned())
    }

    fn fields(&self) -> Vec<FieldViolation> {
        vec![FieldViolation {
            field: "filename".to_owned(),
            description: self.to_string(),
        }]
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn at(text: &str) -> DateTime<Utc> {
        text.parse().unwrap()
    }

    #[test]
    fn a_name_has_database_and_second_and_a_number_only_when_the_second_is_taken() {
        let time = at("2026-11-22T02:00:00.7Z");
        let names = [1, 2, 13].map(|attempt| {
            BackupName::new("app", time, attempt, ArchiveFormat::Gzip, false).to_string()
        });
        assert_eq!(
            names,
            [
                "app_20261122T020000Z.sql.gz",
                "app_20261122T020000Z_2.sql.gz",
                "app_20261122T020000Z_13.sql.gz",
            ]
        );
    }

    #[test]
    fn a_manifest_is_named_after_its_archive() {
        let name = BackupName::parse("app_20261122T020000Z.sql.gz").unwrap();
        assert_eq!(name.manifest_name(), "app_20261122T020000Z.sql.gz.json");
        assert_eq!(BackupName::of_manifest(&name.manifest_name()), Some(name));
        assert_eq!(BackupName::of_manifest("notes.json"), None);
        assert_eq!(BackupName::of_manifest("app.sql.gz"), None);
    }

    #[test]
    fn an_encrypted_archive_keeps_its_name_before_the_ending() {
        let name = BackupName::parse("app.sql.gz").unwrap();
        let encrypted = name.encrypted().unwrap();
        assert_eq!(encrypted.as_str(), "app.sql.gz.age");
        assert_eq!(encrypted.encrypted(), Ok(encrypted.clone()));
        let long = BackupName::parse(&format!("{}.sql.gz", "a".repeat(233))).unwrap();
        assert!(long.encrypted().is_err());
    }

    #[test]
    fn what_is_made_of_an_archive_has_its_own_endings() {
        let name = BackupName::parse("app.sql.gz.age").unwrap();
        assert_eq!(name.repacked(ArchiveFormat::Gzip), "app.sql.gz");
        assert_eq!(name.repacked(ArchiveFormat::Zstd), "app.sql.zst");
        assert_eq!(name.repacked(ArchiveFormat::Sql), "app.sql");
    }

    #[test]
    fn names_that_could_reach_another_file_are_refused() {
        for text in [
            "",
            "../app.sql.gz",
            "..",
            "a/../b.sql.gz",
            "/etc/passwd.sql.gz",
            "dir/app.sql.gz",
            "dir\\app.sql.gz",
            "app\0.sql.gz",
            "app\n.sql.gz",
            "app..sql.gz",
            ".app.sql.gz",
            "-app.sql.gz",
            "app.sql.gz#1",
            "app%2f.sql.gz",
            "größe.sql.gz",
            "app.tar",
            "app.age",
            "app.sql.gz.json",
            &format!("{}.sql.gz", "a".repeat(240)),
        ] {
            assert!(BackupName::parse(text).is_err(), "{text:?} was taken");
        }
    }

    proptest! {
        #[test]
        fn every_name_that_is_made_is_a_name_that_is_taken(
            database in any::<String>(),
            seconds in 0_i64..253_402_300_800,
            attempt in any::<u32>(),
            format in prop::sample::select(&ArchiveFormat::ALL),
            encrypted in any::<bool>(),
        ) {
            let time = DateTime::from_timestamp(seconds, 0).unwrap();
            let name = BackupName::new(&database, time, attempt, format, encrypted);
            prop_assert_eq!((name.format(), name.is_encrypted()), (format, encrypted));
            prop_assert_eq!(BackupName::parse(name.as_str()), Ok(name));
        }
    }
}
