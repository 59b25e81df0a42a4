//! The spool: calls that only read, and callers that were not let in, wait here for their place in the audit log.
//!
//! A line is in the file before the call is answered, so that a killed daemon loses none; files are brought to disk by
//! [`Spool::sync`], several times a second, so that a power failure loses no more than what was answered since. Each
//! process has a directory of its own, held by a lock: what a dead one left is found by that its lock is free. A file that is
//! sealed is never written to again, and is moved to the log as a whole before it is removed, so that it always gives the
//! same records.

mod lane;

use std::{
    fs::{self, DirBuilder, File},
    io::{self, ErrorKind},
    os::unix::fs::DirBuilderExt as _,
    path::{Path, PathBuf},
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use nix::fcntl::{Flock, FlockArg};
use uuid::Uuid;

use self::lane::Writer;
use crate::model::{
    audit::spooled::SpooledCall,
    failure::{Classified, Kind},
};

/// Holds the lock of a process's directory.
const LOCK_FILE: &str = "lock";

/// Why a spool cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum SpoolError {
    /// A file or directory cannot be used.
    #[error("cannot {action} {}", path.display())]
    File {
        /// What was to be done, e.g. `write`.
        action: &'static str,
        /// Which file or directory.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// It holds as much as it may.
    #[error(
        "the spool of the audit log holds its {limit} bytes, and the control store does not take them"
    )]
    Full {
        /// Its size.
        limit: u64,
    },
}

impl Classified for SpoolError {
    fn kind(&self) -> Kind {
        match self {
            Self::File { .. } => Kind::Unavailable,
            Self::Full { .. } => Kind::ResourceExhausted,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::File { .. } => "AUDIT_SPOOL_UNAVAILABLE",
            Self::Full { .. } => "AUDIT_SPOOL_FULL",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::File { .. } => "see to the data directory's disk and permissions".to_owned(),
            Self::Full { .. } => {
                "bring the control store back, or make audit.spool_size greater".to_owned()
            }
        })
    }
}

fn failed(action: &'static str, path: &Path) -> impl FnOnce(io::Error) -> SpoolError {
    let path = path.to_owned();
    move |source| SpoolError::File {
        action,
        path,
        source,
    }
}

/// Which file a line goes to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lane {
    /// Calls that are recorded one by one.
    Calls,
    /// Calls that come again and again, and are recorded together.
    Polls,
}

impl Lane {
    /// Both.
    pub const ALL: [Self; 2] = [Self::Calls, Self::Polls];

    fn name(self) -> &'static str {
        match self {
            Self::Calls => "calls",
            Self::Polls => "polls",
        }
    }
}

/// A sealed file of a spool.
#[derive(Clone, Debug)]
pub struct Segment {
    /// The daemon that wrote it.
    pub daemon: Uuid,
    /// Which lane it is of.
    pub lane: Lane,
    path: PathBuf,
}

/// The spool of this process.
#[derive(Debug)]
pub struct Spool {
    root: PathBuf,
    directory: PathBuf,
    daemon: Uuid,
    limit: u64,
    /// Bytes in the spool, of all processes.
    size: Arc<AtomicU64>,
    calls: Writer,
    polls: Writer,
    /// Says that this process lives.
    _lock: Flock<File>,
}

impl Spool {
    /// Makes a spool for this process below `root`, which is made where it is missing. It takes at most `limit` bytes.
    pub fn open(root: &Path, daemon: Uuid, limit: u64) -> Result<Self, SpoolError> {
        let directory = root.join(daemon.to_string());
        // Requests are nobody's business but the daemon's.
        DirBuilder::new()
            .recursive(true)
            .mode(0o700)
            .create(&directory)
            .map_err(failed("make", &directory))?;
        let lock = lock(&directory)?
            .ok_or_else(|| failed("lock", &directory)(io::Error::from(ErrorKind::WouldBlock)))?;
        let size = Arc::new(AtomicU64::new(size_below(root)));
        let writer = |lane: Lane| Writer::new(&directory, lane.name(), Arc::clone(&size));
        Ok(Self {
            calls: writer(Lane::Calls),
            polls: writer(Lane::Polls),
            root: root.to_owned(),
            directory,
            daemon,
            limit,
            size,
            _lock: lock,
        })
    }

    fn writer(&self, lane: Lane) -> &Writer {
        match lane {
            Lane::Calls => &self.calls,
            Lane::Polls => &self.polls,
        }
    }

    /// Appends one call. It outlives this process when this returns, and the machine after the next [`Spool::sync`].
    pub fn write(&self, lane: Lane, call: &SpooledCall) -> Result<(), SpoolError> {
        let mut text = serde_json::to_string(call)
            .map_err(|error| failed("write", &self.directory)(error.into()))?;
        text.push('\n');
        let size = u64::try_from(text.len()).unwrap_or(u64::MAX);
        if self.size.load(Ordering::Relaxed).saturating_add(size) > self.limit {
            return Err(SpoolError::Full { limit: self.limit });
        }
        self.writer(lane).write(text.as_bytes())
    }

    /// Brings what was written to disk.
    pub fn sync(&self) -> Result<(), SpoolError> {
        for lane in Lane::ALL {
            self.writer(lane).sync()?;
        }
        Ok(())
    }

    /// Ends a lane's file, so that it can be moved; the next call begins another.
    pub fn seal(&self, lane: Lane) -> Result<(), SpoolError> {
        self.writer(lane).seal()
    }

    /// The sealed files of this process, the oldest first.
    pub fn segments(&self) -> Result<Vec<Segment>, SpoolError> {
        let open: Vec<PathBuf> = Lane::ALL
            .iter()
            .filter_map(|lane| self.writer(*lane).open_file())
            .collect();
        let mut segments = segments(&self.directory, self.daemon)?;
        segments.retain(|segment| !open.contains(&segment.path));
        Ok(segments)
    }

    /// The spools of processes that are dead. Each stays locked for as long as it is held.
    pub fn abandoned(&self) -> Result<Vec<Abandoned>, SpoolError> {
        let mut found = Vec::new();
        for entry in fs::read_dir(&self.root).map_err(failed("read", &self.root))? {
            let path = entry.map_err(failed("read", &self.root))?.path();
            let daemon = path
                .file_name()
                .and_then(|name| name.to_str()?.parse::<Uuid>().ok());
            let Some(daemon) = daemon.filter(|daemon| *daemon != self.daemon) else {
                continue;
            };
            if let Some(lock) = lock(&path)? {
                found.push(Abandoned {
                    directory: path,
                    daemon,
                    _lock: lock,
                });
            }
        }
        Ok(found)
    }

    /// The calls of a sealed file. A line that a killed process did not finish was not answered either, and is left out.
    pub fn read(&self, segment: &Segment) -> Result<Vec<SpooledCall>, SpoolError> {
        let bytes = fs::read(&segment.path).map_err(failed("read", &segment.path))?;
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').unwrap_or(0);
        let mut calls = Vec::new();
        for line in bytes[..whole].split(|byte| *byte == b'\n') {
            match serde_json::from_slice(line) {
                Ok(call) => calls.push(call),
                Err(error) if line.is_empty() => {
                    tracing::debug!(%error, "an empty line in a spool");
                }
                Err(error) => {
                    let file = segment.path.display();
                    tracing::error!(%file, %error, "a line of the audit log's spool cannot be read, and is lost");
                }
            }
        }
        Ok(calls)
    }

    /// Removes a file whose calls stand in the log.
    pub fn remove(&self, segment: &Segment) -> Result<(), SpoolError> {
        let size = fs::metadata(&segment.path).map_or(0, |file| file.len());
        fs::remove_file(&segment.path).map_err(failed("remove", &segment.path))?;
        let shrink = |all: u64| Some(all.saturating_sub(size));
        let _ = self
            .size
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, shrink);
        Ok(())
    }
}

/// What a dead process left.
#[derive(Debug)]
pub struct Abandoned {
    directory: PathBuf,
    daemon: Uuid,
    _lock: Flock<File>,
}

impl Abandoned {
    /// Its files, the oldest first.
    pub fn segments(&self) -> Result<Vec<Segment>, SpoolError> {
        segments(&self.directory, self.daemon)
    }

    /// Removes its directory, which must be empty.
    pub fn remove(self) -> Result<(), SpoolError> {
        let lock = self.directory.join(LOCK_FILE);
        fs::remove_file(&lock).map_err(failed("remove", &lock))?;
        fs::remove_dir(&self.directory).map_err(failed("remove", &self.directory))
    }
}

/// Takes a process's lock; `None` where it lives.
fn lock(directory: &Path) -> Result<Option<Flock<File>>, SpoolError> {
    let path = directory.join(LOCK_FILE);
    let file = match File::options().create(true).append(true).open(&path) {
        Ok(file) => file,
        // Another daemon has just removed it.
        Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
        Err(source) => return Err(failed("open", &path)(source)),
    };
    match Flock::lock(file, FlockArg::LockExclusiveNonblock) {
        Ok(lock) => Ok(Some(lock)),
        Err((_, nix::errno::Errno::EWOULDBLOCK)) => Ok(None),
        Err((_, error)) => Err(failed("lock", &path)(error.into())),
    }
}

/// The spool's files in a process's directory, the oldest first.
fn segments(directory: &Path, daemon: Uuid) -> Result<Vec<Segment>, SpoolError> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory).map_err(failed("read", directory))? {
        let path = entry.map_err(failed("read", directory))?.path();
        let name = path.file_name().and_then(|name| name.to_str());
        let lane = Lane::ALL
            .into_iter()
            .find(|lane| name.is_some_and(|name| name.starts_with(lane.name())));
        if let Some(lane) = lane {
            found.push(Segment { daemon, lane, path });
        }
    }
    found.sort_by(|one, other| one.path.cmp(&other.path));
    Ok(found)
}

/// The bytes of all files below a directory, as far as they can be seen.
fn size_below(root: &Path) -> u64 {
    let files = |directory: &Path| fs::read_dir(directory).into_iter().flatten().flatten();
    files(root)
        .flat_map(|process| files(&process.path()))
        .filter_map(|file| file.metadata().ok())
        .map(|file| file.len())
        .sum()
}

#[cfg(test)]
mod tests;
