//! The stream of a download: header, chunks, trailer. A chunk is read only when the receiver has room for it, so that a
//! slow receiver costs one chunk of memory; a receiver that goes away drops the stream, and with it the open file.

use bytes::{Bytes, BytesMut};
use futures_util::stream::{self, Stream};
use sha2::{Digest as _, Sha256};
use tokio::io::AsyncReadExt as _;
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    model::{
        backup::Manifest,
        failure::{Failure, Kind},
    },
    ops::backup::download::{Download, OpenRecord},
    proto::{
        DownloadBackupResponse, DownloadHeader, DownloadTrailer, download_backup_response::Part,
    },
    rpc::{convert::int64, status::status, unless_stopped},
    storage::{ArchiveReader, Pin, StorageError, hexadecimal},
};

/// Large enough that a message's own cost does not show, small enough for every client's default message limit (4 MiB).
const CHUNK_SIZE: usize = 1 << 20;

enum State {
    Header(Box<Download>),
    Chunks(Box<Sending>),
    Done,
}

struct Sending {
    manifest: Manifest,
    reader: ArchiveReader,
    record: OpenRecord,
    digest: Sha256,
    sent: u64,
    left: u64,
    /// Held to the end.
    _pin: Pin,
}

/// The messages of a download.
pub(super) fn stream(
    download: Download,
    stop: CancellationToken,
) -> impl Stream<Item = Result<DownloadBackupResponse, Status>> + Send {
    stream::unfold(State::Header(Box::new(download)), move |state| {
        let stop = stop.clone();
        async move {
            let next = match unless_stopped(&stop, step(state)).await {
                Ok(next) => next,
                Err(stopped) => Err(stopped),
            };
            match next {
                Ok(Some((part, state))) => {
                    let message = DownloadBackupResponse { part: Some(part) };
                    Some((Ok(message), state))
                }
                Ok(None) => None,
                Err(failure) => Some((Err(failure), State::Done)),
            }
        }
    })
}

async fn step(state: State) -> Result<Option<(Part, State)>, Status> {
    match state {
        State::Header(download) => {
            let header = DownloadHeader {
                filename: download.manifest.filename.as_str().to_owned(),
                size_bytes: int64(download.manifest.size_bytes),
                sha256: download.manifest.sha256.clone(),
                offset: int64(download.offset),
            };
            let sending = Sending {
                left: download.manifest.size_bytes - download.offset,
                manifest: download.manifest,
                reader: download.reader,
                record: download.record,
                _pin: download.pin,
                digest: Sha256::new(),
                sent: 0,
            };
            Ok(Some((
                Part::Header(header),
                State::Chunks(Box::new(sending)),
            )))
        }
        State::Chunks(sending) => sending.next().await.map_err(status).map(Some),
        State::Done => Ok(None),
    }
}

impl Sending {
    async fn next(mut self: Box<Self>) -> Result<(Part, State), Failure> {
        if self.left > 0 {
            return match self.chunk().await {
                Ok(chunk) => Ok((Part::Chunk(chunk.into()), State::Chunks(self))),
                Err(failure) => {
                    self.record.close(Some(&failure)).await;
                    Err(failure)
                }
            };
        }
        let trailer = DownloadTrailer {
            sha256: hexadecimal(self.digest),
            sent_bytes: int64(self.sent),
        };
        self.record.close(None).await;
        Ok((Part::Trailer(trailer), State::Done))
    }

    async fn chunk(&mut self) -> Result<Bytes, Failure> {
        let wanted = usize::try_from(self.left)
            .unwrap_or(usize::MAX)
            .min(CHUNK_SIZE);
        let mut chunk = BytesMut::with_capacity(wanted);
        while chunk.len() < wanted {
            let limit = (wanted - chunk.len()) as u64;
            let read = (&mut self.reader).take(limit).read_buf(&mut chunk).await;
            match read {
                Ok(0) => return Err(damaged(&self.manifest, "it ends too early")),
                Ok(_) => {}
                // A bucket's own error says more than that the bytes are not there.
                Err(error) => {
                    return Err(match error.downcast::<StorageError>() {
                        Ok(error) => error.into(),
                        Err(error) => damaged(&self.manifest, &error.to_string()),
                    });
                }
            }
        }
        self.digest.update(&chunk);
        self.sent += chunk.len() as u64;
        self.left -= chunk.len() as u64;
        Ok(chunk.freeze())
    }
}

fn damaged(manifest: &Manifest, why: &str) -> Failure {
    Failure::new(
        Kind::DataLoss,
        "BACKUP_DAMAGED",
        format!("cannot read {}: {why}", manifest.filename),
    )
    .with_hint("run VerifyBackup on it, and download another")
}
