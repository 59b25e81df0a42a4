//! Files for tools that want a path: they have no name in any directory, so that nothing is left of them whatever dies.

use std::{
    fs::File,
    io::{self, Write as _},
    os::fd::AsRawFd as _,
    path::PathBuf,
    process,
};

/// A file that child processes can open by a path for as long as this is held. It exists in `/proc` only.
#[derive(Debug)]
pub struct ScratchFile(File);

impl ScratchFile {
    /// A file with these bytes.
    pub fn new(bytes: &[u8]) -> io::Result<Self> {
        let mut file = tempfile::tempfile()?;
        file.write_all(bytes)?;
        Ok(Self(file))
    }

    /// The path by which a child process of the same account opens it, from its beginning.
    pub fn path(&self) -> PathBuf {
        PathBuf::from(format!("/proc/{}/fd/{}", process::id(), self.0.as_raw_fd()))
    }
}
