//! The revisions directory of a managed database: read whole, checked whole, written by staging and renaming.

use std::{io, path::Path};

use tokio::io::AsyncWriteExt as _;

use crate::model::{
    failure::{Classified, Failure, Kind},
    revision::{Graph, Script},
};

/// A revisions directory that cannot be read or written.
#[derive(Debug, thiserror::Error)]
pub enum DirectoryError {
    /// Reading failed.
    #[error("cannot read {path}")]
    Read {
        /// The file or directory.
        path: String,
        /// The cause.
        source: io::Error,
    },
    /// Writing failed.
    #[error("cannot write {path}")]
    Write {
        /// The file or directory.
        path: String,
        /// The cause.
        source: io::Error,
    },
}

impl Classified for DirectoryError {
    fn kind(&self) -> Kind {
        let (Self::Read { source, .. } | Self::Write { source, .. }) = self;
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => Kind::ResourceExhausted,
            _ => Kind::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "REVISIONS_UNREADABLE",
            Self::Write { .. } => "REVISIONS_UNWRITABLE",
        }
    }

    fn hint(&self) -> Option<String> {
        Some("check the database's `revisions` directory in the configuration and the daemon's permissions on it".to_owned())
    }
}

/// Reads all scripts. A directory that does not exist has none.
pub async fn load(directory: &Path) -> Result<Graph, Failure> {
    let read_error = |path: &Path| {
        let path = path.display().to_string();
        move |source| DirectoryError::Read { path, source }
    };
    let mut scripts = Vec::new();
    let mut entries = match tokio::fs::read_dir(directory).await {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Graph::new(scripts)?),
        Err(error) => return Err(read_error(directory)(error).into()),
    };
    while let Some(entry) = entries.next_entry().await.map_err(read_error(directory))? {
        let path = entry.path();
        if path.extension().is_none_or(|extension| extension != "sql") {
            continue;
        }
        let text = tokio::fs::read_to_string(&path)
            .await
            .map_err(read_error(&path))?;
        scripts.push(Script::parse(&entry.file_name().to_string_lossy(), &text)?);
    }
    Ok(Graph::new(scripts)?)
}

/// Takes a new script away again that nobody can have built on.
pub async fn remove(directory: &Path, script: &Script) -> Result<(), DirectoryError> {
    let path = directory.join(&script.file_name);
    let removed = tokio::fs::remove_file(&path).await;
    removed.map_err(|source| DirectoryError::Write {
        path: path.display().to_string(),
        source,
    })
}

/// Writes a new script: staged, fsynced, linked under its name only if that is free.
pub async fn write(directory: &Path, script: &Script) -> Result<(), DirectoryError> {
    let path = directory.join(&script.file_name);
    let staged = directory.join(format!(".{}.partial", script.file_name));
    let written = async {
        tokio::fs::create_dir_all(directory).await?;
        let mut file = tokio::fs::File::create(&staged).await?;
        file.write_all(script.render().as_bytes()).await?;
        file.sync_all().await?;
        tokio::fs::hard_link(&staged, &path).await?;
        tokio::fs::File::open(directory).await?.sync_all().await
    };
    let result = written.await;
    if let Err(error) = tokio::fs::remove_file(&staged).await {
        tracing::debug!(%error, "no staged revision to remove");
    }
    result.map_err(|source| DirectoryError::Write {
        path: path.display().to_string(),
        source,
    })
}
