//! The anchor: the last record of the audit log that daemons of this data directory have seen, in a small file of their own.
//!
//! Whoever may write to the control store's database could cut the log's end off, or make the whole chain anew, and the
//! tables alone would look sound. They are compared with the anchor. It only ever moves on, and only from a record that
//! still is in the log.

use std::{
    fs::{self, File},
    io::{self, ErrorKind, Write as _},
    path::{Path, PathBuf},
};

use nix::fcntl::{Flock, FlockArg};

use crate::model::{
    audit::{
        chain::Head,
        export::{hexadecimal, place},
    },
    failure::{Classified, Kind},
};

/// Why the anchor cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum AnchorError {
    /// The file cannot be read or written.
    #[error("cannot {action} {}", path.display())]
    File {
        /// `read` or `write`.
        action: &'static str,
        /// The file.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// What stands in it is no place in the log.
    #[error("{} holds no record's number and hash", path.display())]
    Unreadable {
        /// The file.
        path: PathBuf,
    },
}

impl Classified for AnchorError {
    fn kind(&self) -> Kind {
        match self {
            Self::File { .. } => Kind::Unavailable,
            Self::Unreadable { .. } => Kind::DataLoss,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::File { .. } => "AUDIT_ANCHOR_UNAVAILABLE",
            Self::Unreadable { .. } => "AUDIT_ANCHOR_UNREADABLE",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::File { .. } => None,
            Self::Unreadable { .. } => Some(
                "verify the audit log with an earlier answer or export; then remove the file"
                    .to_owned(),
            ),
        }
    }
}

/// The file.
#[derive(Debug)]
pub struct Anchor {
    path: PathBuf,
}

impl Anchor {
    /// The anchor in a data directory, which is made where it is missing.
    pub fn in_directory(data_directory: &Path) -> Result<Self, AnchorError> {
        let path = data_directory.join("audit-anchor");
        fs::create_dir_all(data_directory).map_err(failed("write", &path))?;
        Ok(Self { path })
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// What it holds; [`Head::START`] where nothing was seen yet.
    pub fn read(&self) -> Result<Head, AnchorError> {
        match fs::read_to_string(&self.path) {
            Ok(text) => place(text.trim_end()).ok_or_else(|| AnchorError::Unreadable {
                path: self.path.clone(),
            }),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(Head::START),
            Err(source) => Err(failed("read", &self.path)(source)),
        }
    }

    /// Moves it on to a later record, unless another daemon has done so. It is on disk when this returns.
    pub fn advance(&self, head: Head) -> Result<(), AnchorError> {
        let write = || -> Result<(), AnchorError> {
            let directory = self.path.parent().unwrap_or(Path::new("/"));
            let failed = || failed("write", &self.path);
            // Daemons that share the directory take turns; the lock ends with the descriptor.
            let directory = File::open(directory).map_err(failed())?;
            let directory = Flock::lock(directory, FlockArg::LockExclusive)
                .map_err(|(_, error)| failed()(error.into()))?;
            if self.read()?.number >= head.number {
                return Ok(());
            }
            let staged = self.path.with_extension("staged");
            let mut file = File::create(&staged).map_err(failed())?;
            writeln!(file, "{}:{}", head.number, hexadecimal(&head.hash)).map_err(failed())?;
            file.sync_all().map_err(failed())?;
            fs::rename(&staged, &self.path).map_err(failed())?;
            directory.sync_all().map_err(failed())
        };
        write()
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> AnchorError {
    let path = path.to_owned();
    move |source| AnchorError::File {
        action,
        path,
        source,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_anchor_moves_on_and_never_back() {
        let directory = tempfile::tempdir().unwrap();
        let anchor = Anchor::in_directory(&directory.path().join("data")).unwrap();
        assert_eq!(anchor.read().unwrap(), Head::START);
        let head = |number| Head {
            number,
            hash: [u8::try_from(number).unwrap(); 32],
        };
        for number in [3, 9, 4] {
            anchor.advance(head(number)).unwrap();
        }
        assert_eq!(anchor.read().unwrap(), head(9));
    }

    #[test]
    fn an_anchor_that_holds_something_else_is_no_anchor_and_is_not_overwritten() {
        let directory = tempfile::tempdir().unwrap();
        let anchor = Anchor::in_directory(directory.path()).unwrap();
        fs::write(anchor.path(), "9:zz").unwrap();
        let error = anchor.advance(Head::START).unwrap_err();
        assert_eq!(error.reason(), "AUDIT_ANCHOR_UNREADABLE");
        assert_eq!(fs::read_to_string(anchor.path()).unwrap(), "9:zz");
    }
}
