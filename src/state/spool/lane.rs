//! A lane: the one file that lines of a sort are appended to, and how it is followed by the next.

use std::{
    fs::File,
    io::Write as _,
    path::{Path, PathBuf},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicU64, Ordering},
    },
};

use super::{SpoolError, failed};

/// A file of this size is followed by another, so that one can be moved with little memory.
const SEGMENT_SIZE: u64 = 1 << 20;

#[derive(Debug)]
struct Open {
    file: Arc<File>,
    path: PathBuf,
    size: u64,
    /// Whether something was written since the last sync.
    dirty: bool,
}

#[derive(Debug, Default)]
struct State {
    open: Option<Open>,
    /// Files so far.
    count: u64,
}

/// Appends lines.
#[derive(Debug)]
pub(super) struct Writer {
    directory: PathBuf,
    name: &'static str,
    size: Arc<AtomicU64>,
    state: Mutex<State>,
}

impl Writer {
    pub(super) fn new(directory: &Path, name: &'static str, size: Arc<AtomicU64>) -> Self {
        Self {
            directory: directory.to_owned(),
            name,
            size,
            state: Mutex::default(),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Appends a whole line, or nothing.
    pub(super) fn write(&self, line: &[u8]) -> Result<(), SpoolError> {
        let mut state = self.state();
        let State { open, count } = &mut *state;
        let open = if let Some(open) = open {
            open
        } else {
            *count += 1;
            let path = self
                .directory
                .join(format!("{}-{count:09}.jsonl", self.name));
            let file = File::options()
                .create_new(true)
                .append(true)
                .open(&path)
                .map_err(failed("make", &path))?;
            open.insert(Open {
                file: Arc::new(file),
                path,
                size: 0,
                dirty: false,
            })
        };
        if let Err(error) = (&*open.file).write_all(line) {
            // Half a line, where the disk is full, must not spoil the next.
            let _ = open.file.set_len(open.size);
            return Err(failed("write", &open.path)(error));
        }
        let length = u64::try_from(line.len()).unwrap_or_default();
        open.size += length;
        open.dirty = true;
        self.size.fetch_add(length, Ordering::Relaxed);
        if open.size >= SEGMENT_SIZE {
            seal(&mut state)?;
        }
        Ok(())
    }

    /// Brings the file, and its name, to disk where something is new. Lines can be written meanwhile.
    pub(super) fn sync(&self) -> Result<(), SpoolError> {
        let (file, path) = {
            let mut state = self.state();
            match &mut state.open {
                Some(open) if open.dirty => {
                    open.dirty = false;
                    (Arc::clone(&open.file), open.path.clone())
                }
                _ => return Ok(()),
            }
        };
        let synced = file.sync_data().and_then(|()| {
            let directory = File::open(&self.directory)?;
            directory.sync_all()
        });
        synced.map_err(|error| {
            if let Some(open) = &mut self.state().open {
                open.dirty = true;
            }
            failed("sync", &path)(error)
        })
    }

    pub(super) fn seal(&self) -> Result<(), SpoolError> {
        seal(&mut self.state())
    }

    pub(super) fn open_file(&self) -> Option<PathBuf> {
        self.state().open.as_ref().map(|open| open.path.clone())
    }
}

fn seal(state: &mut State) -> Result<(), SpoolError> {
    match state.open.take() {
        Some(open) if open.dirty => open.file.sync_data().map_err(failed("sync", &open.path)),
        _ => Ok(()),
    }
}
