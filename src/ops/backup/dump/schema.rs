//! The schema of a dump: an archive for pg_restore, and the two halves of the SQL that psql runs.

use std::{io::Read as _, time::Duration};

use base64::{Engine as _, prelude::BASE64_STANDARD};
use tokio_postgres::Config;

use crate::{
    archive::{Codec, CodecError, Packer, Sections, decoder},
    model::failure::{Failure, Kind},
    ops::daemon::Daemon,
    postgres::{error::PostgresError, snapshot::Snapshot},
    tools::{pg_dump, pg_restore::SchemaArchive, process::ToolError},
};

/// The schema is small, and is compressed once.
const CODEC: Codec = Codec::Gzip { level: 9 };

/// A database's schema.
pub(super) struct Schema {
    archive: Vec<u8>,
    /// The SQL.
    pub(super) sections: Sections,
}

impl Schema {
    /// Has pg_dump write it at the snapshot, and pg_restore print it.
    pub(super) async fn dump(
        daemon: &Daemon,
        login: &Config,
        snapshot: &Snapshot,
        encoding: &str,
        lock_timeout: Duration,
    ) -> Result<Self, Failure> {
        let pg_dump = daemon.tools.path("pg_dump");
        let dumped =
            pg_dump::schema_archive(&pg_dump, login, &snapshot.id, encoding, lock_timeout).await;
        let archive = match dumped {
            Ok(archive) => archive,
            Err(error) => return Err(why(error, snapshot).await?),
        };
        let pg_restore = daemon.tools.path("pg_restore");
        let opened = SchemaArchive::open(&pg_restore, &archive).await?;
        let pre_data = opened.pre_data_sql(&pg_restore).await?;
        let post_data = opened.post_data_sql(&pg_restore).await?;
        Ok(Self {
            archive,
            sections: Sections::join(&pre_data, &post_data),
        })
    }

    /// As the manifest keeps it.
    pub(super) fn stored(&self) -> Result<String, Failure> {
        let packed = Packer::new(CODEC)?.pack(&self.archive)?;
        Ok(BASE64_STANDARD.encode(packed))
    }
}

/// pg_dump takes its own locks, and waits where somebody has come to wait for the snapshot's. It names the table then, and
/// not who that is.
async fn why(error: ToolError, snapshot: &Snapshot) -> Result<Failure, Failure> {
    if let ToolError::Failed { said, .. } = &error
        && said.contains("LOCK TABLE")
        && let Some(detail) = snapshot.in_the_way().await?
    {
        let what = "lock the tables for pg_dump".to_owned();
        return Ok(PostgresError::Locked { what, detail }.into());
    }
    Ok(error.into())
}

/// What a manifest kept.
pub fn unpack(stored: &str) -> Result<Vec<u8>, Failure> {
    let damaged = |detail: String| {
        Failure::new(
            Kind::DataLoss,
            "MANIFEST_DAMAGED",
            format!("the schema in the manifest cannot be read: {detail}"),
        )
    };
    let packed = BASE64_STANDARD
        .decode(stored)
        .map_err(|error| damaged(error.to_string()))?;
    let mut archive = Vec::new();
    decoder(CODEC.format(), packed.as_slice())
        .and_then(|mut decoder| decoder.read_to_end(&mut archive))
        .map_err(|error| damaged(error.to_string()))?;
    Ok(archive)
}

impl crate::model::failure::Classified for CodecError {
    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn reason(&self) -> &'static str {
        "COMPRESSION_FAILED"
    }
}
