//! What is in an archive: its tables with their rows and hashes, where each part of it lies, and what the database and its
//! roles were like. The part of a manifest that tells of the data, and is encrypted with it.

use serde::{Deserialize, Serialize};

use super::ContentHash;

/// What is in an archive that pgsteward made.
///
/// A range is `[offset, length]` in bytes of the archive before encryption, and holds whole gzip members or zstd frames.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Contents {
    /// Every table whose rows are in the archive.
    pub tables: Vec<TableContents>,
    /// The large objects; absent when there are none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub large_objects: Option<LargeObjects>,
    /// The SQL that makes what data needs: schemas, types, functions, tables, views.
    pub pre_data: (u64, u64),
    /// Where the rows lie, in the order of the archive.
    pub blocks: Vec<Block>,
    /// The SQL that sets the sequences; empty when there are none.
    #[serde(default)]
    pub sequences: (u64, u64),
    /// The SQL that makes the rest: indexes, constraints, triggers, grants; and refreshes materialized views.
    pub post_data: (u64, u64),
    /// The schema as `pg_dump -Fc` wrote it, in gzip, in base64. `pg_restore` reads it.
    pub schema_archive: String,
    /// The database itself.
    #[serde(default)]
    pub database: DatabaseProperties,
    /// The roles that the database refers to, each after those that it is a member of.
    #[serde(default)]
    pub roles: Vec<RoleDefinition>,
    /// The extensions that are installed.
    #[serde(default)]
    pub extensions: Vec<Extension>,
}

/// One table whose rows are in an archive.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TableContents {
    /// The table's schema.
    pub schema: String,
    /// The table's name.
    pub table: String,
    /// The columns that rows have, in order; empty where rows have none, or only generated ones.
    pub columns: Vec<String>,
    /// The partitioned table into which the rows are loaded, by schema and name, where the partition itself may be another
    /// one after a restore: hash partitions of enums, whose hash goes by OIDs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub load_into: Option<(String, String)>,
    /// The condition of an extension's configuration table: only rows that meet it are in the archive.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub condition: String,
    /// Rows of the table itself, without those of its children.
    pub rows: u64,
    /// Over the rows in COPY's text format, in any order.
    pub content_hash: ContentHash,
}

/// The large objects in an archive, page by page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct LargeObjects {
    /// How many there are.
    pub objects: u64,
    /// Pages, at least one for each object.
    pub pages: u64,
    /// Over the pages' statements, in any order.
    pub content_hash: ContentHash,
}

/// A run of one table's rows in an archive, which is a COPY statement of its own.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "(i64, u64, u64, u64)", into = "(i64, u64, u64, u64)")]
pub struct Block {
    /// The table's place in [`Contents::tables`]; none for large objects, which is -1 as JSON.
    pub table: Option<usize>,
    /// The first byte.
    pub offset: u64,
    /// How many bytes.
    pub length: u64,
    /// How many rows, or pages.
    pub rows: u64,
}

impl From<(i64, u64, u64, u64)> for Block {
    fn from((table, offset, length, rows): (i64, u64, u64, u64)) -> Self {
        Self {
            table: usize::try_from(table).ok(),
            offset,
            length,
            rows,
        }
    }
}

impl From<Block> for (i64, u64, u64, u64) {
    fn from(block: Block) -> Self {
        let table = block.table.and_then(|table| i64::try_from(table).ok());
        (table.unwrap_or(-1), block.offset, block.length, block.rows)
    }
}

/// What a database is, beside its contents.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseProperties {
    /// Its owner.
    pub owner: String,
    /// `UTF8` and the like.
    pub encoding: String,
    /// LC_COLLATE.
    pub collate: String,
    /// LC_CTYPE.
    pub ctype: String,
    /// The collation provider: `c` for libc, `i` for ICU, `b` for builtin.
    pub locale_provider: String,
    /// The provider's locale.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub locale: Option<String>,
    /// ICU's additional rules.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub icu_rules: Option<String>,
    /// Its tablespace, where that is not the server's default.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tablespace: Option<String>,
    /// Connections at most; -1 for no limit.
    pub connection_limit: i32,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Its settings, and those of roles in it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<DatabaseSetting>,
    /// Who may do what with it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub grants: Vec<DatabaseGrant>,
}

/// One `ALTER DATABASE … SET` or `ALTER ROLE … IN DATABASE … SET`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseSetting {
    /// For this role alone.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<String>,
    /// The setting's name.
    pub name: String,
    /// Its value as the server stores it.
    pub value: String,
}

/// One privilege on a database.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DatabaseGrant {
    /// Who has it; none for PUBLIC.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grantee: Option<String>,
    /// `CONNECT`, `CREATE` or `TEMPORARY`.
    pub privilege: String,
    /// Whether it may be granted on.
    pub grantable: bool,
    /// Who gave it.
    pub grantor: String,
}

/// A role as it was.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RoleDefinition {
    /// Its name.
    pub name: String,
    /// `SUPERUSER`, `LOGIN`, `CONNECTION LIMIT 5` and the like, as CREATE ROLE takes them.
    pub attributes: Vec<String>,
    /// The roles that it is a member of, with what a grant of membership says.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub member_of: Vec<Membership>,
    /// Its settings in all databases.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub settings: Vec<(String, String)>,
    /// Its comment.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub comment: Option<String>,
    /// Its password's verifier; only where the configuration asks for it, and only in encrypted archives.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub password: Option<String>,
}

/// That a role is a member of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Membership {
    /// The other role.
    pub role: String,
    /// Whether it may be granted on.
    pub admin: bool,
}

/// An installed extension.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Extension {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}
