//! Upload of a file. It is read twice: for its digest, which the daemon compares with what arrives, and to be sent.

use std::{
    io,
    path::{Path, PathBuf},
    sync::{Arc, Mutex, PoisonError},
};

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream, StreamExt as _};
use indicatif::ProgressBar;
use sha2::{Digest as _, Sha256};
use tokio::{fs::File, io::AsyncReadExt as _, signal};

use super::{
    error::CliError,
    exit::Exit,
    progress::transfer_bar,
    session::{Session, present},
};
use crate::proto::{UploadBackupRequest, UploadHeader, upload_backup_request::Part};

/// The most that a chunk may hold.
const CHUNK_BYTES: usize = 1 << 20;

/// Uploads a file, up to the end or Ctrl-C, and shows the backup that it is now.
pub(super) async fn upload(
    session: &Session,
    path: &Path,
    name: Option<String>,
    database: String,
) -> Result<Exit, CliError> {
    let name = match (name, path.file_name()) {
        (Some(name), _) => name,
        (None, Some(name)) => name.to_string_lossy().into_owned(),
        (None, None) => {
            let problem = format!("{} is no file", path.display());
            return Err(CliError::Usage(problem));
        }
    };
    tokio::select! {
        outcome = transfer(session, path, name, database) => outcome,
        Ok(()) = signal::ctrl_c() => Err(CliError::InterruptedUpload),
    }
}

async fn transfer(
    session: &Session,
    path: &Path,
    filename: String,
    database: String,
) -> Result<Exit, CliError> {
    let (size, sha256) = digest(path).await.map_err(unreadable(path))?;
    let bar = transfer_bar(size, 0, &filename);
    let header = Part::Header(UploadHeader {
        filename,
        database,
        sha256,
        size_bytes: i64::try_from(size).unwrap_or(i64::MAX),
    });
    let file = File::open(path).await.map_err(unreadable(path))?;
    let fault = Fault::default();
    let parts = stream::iter([header]).chain(chunks(file, size, bar.clone(), fault.clone()));
    let messages = parts.map(|part| UploadBackupRequest { part: Some(part) });
    let request = session.stream_request(messages);
    let answer = session.backups().upload_backup(request).await;
    bar.finish_and_clear();
    // The daemon knows only that the file ended early.
    if let Some(source) = fault.take() {
        return Err(match source.kind() {
            io::ErrorKind::UnexpectedEof => CliError::Changed(path.to_owned()),
            _ => unreadable(path)(source),
        });
    }
    session.print(&present(answer?.into_inner().backup, "backup")?)?;
    Ok(Exit::SUCCESS)
}

/// Size and SHA-256 of a file.
async fn digest(path: &Path) -> io::Result<(u64, String)> {
    let mut file = File::open(path).await?;
    let (mut size, mut hasher) = (0, Sha256::new());
    loop {
        let chunk = chunk(&mut file, CHUNK_BYTES as u64).await?;
        if chunk.is_empty() {
            let digest = Bytes::copy_from_slice(&hasher.finalize());
            return Ok((size, format!("{digest:x}")));
        }
        size += chunk.len() as u64;
        hasher.update(&chunk);
    }
}

/// As many of the next bytes as a chunk holds, and no more than `most`; none at the end.
async fn chunk(file: &mut File, most: u64) -> io::Result<Bytes> {
    let mut chunk = BytesMut::with_capacity(CHUNK_BYTES);
    let mut rest = file.take(most.min(CHUNK_BYTES as u64));
    while rest.read_buf(&mut chunk).await? > 0 {}
    Ok(chunk.freeze())
}

/// Why the sending of a file has ended early: a stream of messages has no place for it.
#[derive(Clone, Default)]
struct Fault(Arc<Mutex<Option<io::Error>>>);

impl Fault {
    fn set(&self, error: io::Error) {
        *self.0.lock().unwrap_or_else(PoisonError::into_inner) = Some(error);
    }

    fn take(&self) -> Option<io::Error> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).take()
    }
}

/// The file's bytes, as many as it had when its digest was made. When it ends before, so do they, and the daemon keeps
/// nothing.
fn chunks(
    file: File,
    size: u64,
    bar: ProgressBar,
    fault: Fault,
) -> impl Stream<Item = Part> + Send + 'static {
    stream::unfold((file, size), move |(mut file, left)| {
        let (bar, fault) = (bar.clone(), fault.clone());
        async move {
            if left == 0 {
                return None;
            }
            match chunk(&mut file, left).await {
                Ok(chunk) if chunk.is_empty() => {
                    fault.set(io::ErrorKind::UnexpectedEof.into());
                    None
                }
                Ok(chunk) => {
                    let count = chunk.len() as u64;
                    bar.inc(count);
                    Some((Part::Chunk(chunk.into()), (file, left - count)))
                }
                Err(error) => {
                    fault.set(error);
                    None
                }
            }
        }
    })
}

fn unreadable(path: &Path) -> impl Fn(io::Error) -> CliError {
    let path: PathBuf = path.to_owned();
    move |source| CliError::Read {
        path: path.clone(),
        source,
    }
}
