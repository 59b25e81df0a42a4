//! The stream of an upload: header, then chunks. They go to the upload's operation through a short channel, so that a
//! slow store holds the sender back; the call ends as the operation does.

use bytes::Bytes;
use tokio::sync::mpsc;
use tonic::{Request, Status, Streaming};

use crate::{
    model::{
        failure::{Failure, Kind},
        method::Method,
        operation::Outcome,
    },
    ops::backup::upload::{self, Header, Incoming},
    proto::{Backup, UploadBackupRequest, UploadHeader, upload_backup_request::Part},
    rpc::{Services, call::context, status::status, unless_stopped, whole::Whole},
};

/// Chunks that wait for the store, of 1 MiB each by the protocol.
const WAITING: usize = 4;

/// Receives an archive.
pub(super) async fn receive(
    services: &Services,
    request: Request<Streaming<UploadBackupRequest>>,
) -> Result<Backup, Status> {
    let daemon = &services.daemon;
    let (metadata, extensions, mut chunks) = request.into_parts();
    let whole = extensions.get::<Whole>().cloned().unwrap_or_default();
    let header = header(unless_stopped(&services.stop, chunks.message()).await??);
    let request = Request::from_parts(metadata, extensions, header);
    let context = context(Method::UploadBackup, &request)?;
    let header = request.into_inner();
    let header = Header {
        filename: header.filename,
        database: header.database,
        sha256: header.sha256,
        size_bytes: header.size_bytes,
    };
    let (sender, incoming) = mpsc::channel(WAITING);
    let operation = upload::start(daemon, &context, &header, incoming)
        .await
        .map_err(status)?;
    let refusal = pass_on(chunks, &whole, sender).await;
    let ended = daemon.runner.done(operation.id).await.map_err(status)?;
    match (ended.outcome, refusal) {
        // The operation knows only that the caller went away.
        (Some(Err(_)), Some(refusal)) => Err(refusal),
        (Some(Err(failure)), None) => Err(status(failure)),
        (Some(Ok(Outcome::Backup(backup))), _) => Ok((*backup).into()),
        _ => Err(status(Failure::new(
            Kind::Internal,
            "NO_OUTCOME",
            "the upload ended without a backup",
        ))),
    }
}

/// Passes chunks on until the caller has sent all, goes away, or the operation takes no more. Gives what was wrong with
/// the stream itself.
async fn pass_on(
    mut chunks: Streaming<UploadBackupRequest>,
    whole: &Whole,
    sender: mpsc::Sender<Incoming>,
) -> Option<Status> {
    loop {
        let received = tokio::select! {
            received = chunks.message() => received,
            () = sender.closed() => return None,
        };
        let next = match received.map(|message| message.map(|message| message.part)) {
            Ok(None) if whole.is_whole() => Incoming::End,
            Ok(None) => return None,
            Ok(Some(Some(Part::Chunk(chunk)))) => Incoming::Bytes(Bytes::from(chunk)),
            Ok(Some(_)) => {
                let problem = "must be in the first message, and chunks in all others";
                return Some(status(Failure::invalid_field("header", problem)));
            }
            Err(error) => return Some(error),
        };
        let is_last = matches!(next, Incoming::End);
        if sender.send(next).await.is_err() || is_last {
            return None;
        }
    }
}

/// An empty one where there is none: the call is recorded, and allowed or denied, before it is refused for that.
fn header(first: Option<UploadBackupRequest>) -> UploadHeader {
    match first.and_then(|message| message.part) {
        Some(Part::Header(header)) => header,
        _ => UploadHeader::default(),
    }
}
