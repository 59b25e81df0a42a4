//! The local file of a download: `PATH.partial` while it grows, `PATH` when it is whole, synced and checked.

use std::{
    fs::{self, TryLockError},
    io,
    path::{Path, PathBuf},
};

use sha2::Digest;
use tokio::{
    fs::File,
    io::{AsyncReadExt, AsyncSeekExt},
};

use super::{DownloadError, receipt::Prior};

/// Bytes of an existing part that are read at once.
const READ_BUFFER: usize = 1024 * 1024;

/// A locked `PATH.partial`, open at its end.
#[derive(Debug)]
pub(super) struct PartialFile {
    file: File,
    partial: PathBuf,
    target: PathBuf,
}

impl PartialFile {
    /// Opens the partial file of `target`, and reads what an earlier call has left; without `resume` that is dropped.
    pub(super) async fn open(target: &Path, resume: bool) -> Result<(Self, Prior), DownloadError> {
        if target.exists() {
            return Err(DownloadError::Exists(target.to_owned()));
        }
        let mut name = target.as_os_str().to_owned();
        name.push(".partial");
        let partial = PathBuf::from(name);
        let failed = |source| DownloadError::Write {
            path: partial.clone(),
            source,
        };
        let file = fs::File::options()
            .create(true)
            .truncate(false)
            .read(true)
            .write(true)
            .open(&partial)
            .map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Err(DownloadError::Busy(partial)),
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let mut this = Self {
            file: File::from_std(file),
            partial,
            target: target.to_owned(),
        };
        let prior = if resume {
            let read = read_through(&mut this.file).await;
            read.map_err(|source| this.failed(source))?
        } else {
            this.restart().await?
        };
        Ok((this, prior))
    }

    /// Where the bytes go.
    pub(super) fn file(&mut self) -> &mut File {
        &mut self.file
    }

    /// The file's path while it grows.
    pub(super) fn path(&self) -> &Path {
        &self.partial
    }

    /// Drops what is there.
    pub(super) async fn restart(&mut self) -> Result<Prior, DownloadError> {
        let emptied = match self.file.set_len(0).await {
            Ok(()) => self.file.rewind().await,
            Err(error) => Err(error),
        };
        emptied.map_err(|source| self.failed(source))?;
        Ok(Prior::default())
    }

    /// True when there is nothing to go on with.
    pub(super) async fn is_empty(&self) -> bool {
        let known = self.file.metadata().await;
        known.is_ok_and(|known| known.len() == 0)
    }

    /// Gives the file its final name, once its bytes are on stable storage.
    pub(super) async fn commit(self) -> Result<(), DownloadError> {
        let synced = self.file.sync_all().await;
        synced
            .and_then(|()| fs::rename(&self.partial, &self.target))
            .and_then(|()| sync_directory(&self.target))
            .map_err(|source| DownloadError::Write {
                path: self.target.clone(),
                source,
            })
    }

    /// Removes the file. That it cannot be removed must not hide why it should be: a later call drops it anyway.
    pub(super) async fn discard(self) {
        let _ = tokio::fs::remove_file(&self.partial).await;
    }

    fn failed(&self, source: io::Error) -> DownloadError {
        DownloadError::Write {
            path: self.partial.clone(),
            source,
        }
    }
}

async fn read_through(file: &mut File) -> io::Result<Prior> {
    let mut prior = Prior::default();
    let mut buffer = vec![0; READ_BUFFER];
    loop {
        let count = file.read(&mut buffer).await?;
        if count == 0 {
            return Ok(prior);
        }
        prior.digest.update(&buffer[..count]);
        prior.length += count as u64;
    }
}

/// A rename is lasting when its directory is synced.
fn sync_directory(path: &Path) -> io::Result<()> {
    let directory = match path.parent() {
        Some(parent) if !parent.as_os_str().is_empty() => parent,
        _ => Path::new("."),
    };
    fs::File::open(directory)?.sync_all()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use tempfile::tempdir;
    use tokio::io::AsyncWriteExt;

    use super::*;

    async fn write(partial: &mut PartialFile, bytes: &[u8]) {
        partial.file().write_all(bytes).await.unwrap();
        partial.file().flush().await.unwrap();
    }

    #[tokio::test]
    async fn a_file_appears_under_its_name_only_when_committed() {
        let directory = tempdir().unwrap();
        let target = directory.path().join("a.gz");
        let (mut partial, prior) = PartialFile::open(&target, true).await.unwrap();
        assert_eq!(prior.length, 0);
        write(&mut partial, b"hello").await;
        assert!(!target.exists());
        partial.commit().await.unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"hello");
        assert_eq!(fs::read_dir(directory.path()).unwrap().count(), 1);
    }

    #[tokio::test]
    async fn a_second_call_goes_on_where_the_first_stopped() {
        let directory = tempdir().unwrap();
        let target = directory.path().join("a.gz");
        fs::write(directory.path().join("a.gz.partial"), b"hello ").unwrap();
        let (mut partial, prior) = PartialFile::open(&target, true).await.unwrap();
        assert_eq!(prior.length, 6);
        assert_eq!(prior.digest.finalize(), sha2::Sha256::digest(b"hello "));
        write(&mut partial, b"world").await;
        partial.commit().await.unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"hello world");
    }

    #[tokio::test]
    async fn without_resume_what_is_there_is_dropped() {
        let directory = tempdir().unwrap();
        let target = directory.path().join("a.sql");
        fs::write(directory.path().join("a.sql.partial"), b"hello").unwrap();
        let (mut partial, prior) = PartialFile::open(&target, false).await.unwrap();
        assert_eq!(prior.length, 0);
        write(&mut partial, b"x").await;
        partial.commit().await.unwrap();
        assert_eq!(fs::read(&target).unwrap(), b"x");
    }

    #[tokio::test]
    async fn nothing_is_overwritten_and_no_two_downloads_write_one_file() {
        let directory = tempdir().unwrap();
        let target = directory.path().join("a.gz");
        let first = PartialFile::open(&target, true).await.unwrap();
        let second = PartialFile::open(&target, true).await.unwrap_err();
        assert!(matches!(second, DownloadError::Busy(_)), "{second}");
        drop(first);
        fs::write(&target, b"old").unwrap();
        let third = PartialFile::open(&target, true).await.unwrap_err();
        assert!(matches!(third, DownloadError::Exists(_)), "{third}");
    }
}
