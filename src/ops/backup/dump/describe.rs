//! What the dump has to know of the database before it copies rows, and what the manifest keeps of it.

use crate::{
    model::{
        backup::{DatabaseProperties, Extension, RoleDefinition},
        failure::Failure,
    },
    ops::daemon::Managed,
    postgres::{
        dumpable::{self, DumpedTable, SequenceState},
        properties, server,
        snapshot::Snapshot,
    },
};

/// A database as its snapshot shows it, without rows.
pub(super) struct Described {
    pub(super) server_version: String,
    pub(super) server_version_num: u32,
    pub(super) schema_version: Vec<String>,
    pub(super) database: DatabaseProperties,
    pub(super) roles: Vec<RoleDefinition>,
    pub(super) extensions: Vec<Extension>,
    pub(super) tables: Vec<DumpedTable>,
    pub(super) sequences: Vec<SequenceState>,
    pub(super) large_objects: Vec<u32>,
}

impl Described {
    pub(super) async fn read(
        managed: &Managed,
        snapshot: &Snapshot,
        role_passwords: bool,
    ) -> Result<Self, Failure> {
        let session = &*snapshot.session;
        Ok(Self {
            server_version: server::setting(session, "server_version").await?,
            server_version_num: server::version_num(session).await?,
            schema_version: managed.version_table.heads(session).await?,
            database: properties::read(session, managed.database.server_name()).await?,
            roles: dumpable::roles(session, role_passwords).await?,
            extensions: dumpable::extensions(session).await?,
            tables: dumpable::tables(session).await?,
            sequences: dumpable::sequences(session).await?,
            large_objects: dumpable::large_objects(session).await?,
        })
    }
}
