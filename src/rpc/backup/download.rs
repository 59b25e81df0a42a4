//! The stream of a download: header, chunks, trailer. A chunk is made only when the receiver has room for it, so that a
//! slow receiver costs little memory; a receiver that goes away drops the stream, and with it the open file.

use futures_util::stream::{self, Stream};
use sha2::{Digest as _, Sha256};
use tokio_util::sync::CancellationToken;
use tonic::Status;

use crate::{
    model::failure::Failure,
    ops::backup::download::{Body, Download, OpenRecord},
    proto::{
        DownloadBackupResponse, DownloadHeader, DownloadTrailer, download_backup_response::Part,
    },
    rpc::{convert::int64, status::status, unless_stopped},
    storage::hexadecimal,
};

enum State {
    Header(Box<Download>),
    Chunks(Box<Sending>),
    Done,
}

struct Sending {
    body: Body,
    record: OpenRecord,
    digest: Sha256,
    sent: u64,
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
            let (size_bytes, sha256) = download.known.unwrap_or_default();
            let header = DownloadHeader {
                filename: download.filename,
                size_bytes: int64(size_bytes),
                sha256,
                offset: int64(download.offset),
            };
            let sending = Sending {
                body: download.body,
                record: download.record,
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
        match self.body.next().await {
            Ok(Some(chunk)) => {
                self.digest.update(&chunk);
                self.sent += chunk.len() as u64;
                Ok((Part::Chunk(chunk.into()), State::Chunks(self)))
            }
            Ok(None) => {
                let trailer = DownloadTrailer {
                    sha256: hexadecimal(self.digest),
                    sent_bytes: int64(self.sent),
                };
                self.record.close(None).await;
                Ok((Part::Trailer(trailer), State::Done))
            }
            Err(failure) => {
                self.record.close(Some(&failure)).await;
                Err(failure)
            }
        }
    }
}
