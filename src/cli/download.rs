//! Download of an archive, resumable and checked to its last byte.
//!
//! The bytes go to `PATH.partial`, which a later call goes on with; only when the whole archive has the digest that the
//! header named is the file synced and renamed to `PATH`. What the daemon makes of an archive on the way begins anew with
//! each call, and has the digest that the trailer names. `receipt` holds the rules of the stream, `partial` the file.

mod error;
mod partial;
mod receipt;

use std::{
    io,
    path::{Path, PathBuf},
    pin::pin,
};

use async_compression::tokio::bufread::GzipDecoder;
use bytes::Bytes;
use clap::Args;
use futures_util::stream::{self, Stream};
use indicatif::ProgressBar;
use serde_json::json;
use tokio::{
    io::{AsyncWrite, AsyncWriteExt, BufReader},
    signal,
};
use tokio_util::io::StreamReader;
use tonic::Streaming;

pub(super) use self::error::{DownloadError, RESUME};
use self::{
    partial::PartialFile,
    receipt::{Prior, Receipt},
};
use super::{
    error::CliError,
    exit::Exit,
    progress::transfer_bar,
    session::{Session, present, write_out},
    words,
};
use crate::proto::{
    Backup, DownloadBackupRequest, DownloadBackupResponse, DownloadHeader, GetBackupRequest,
    download_backup_response::Part,
};

/// Decompressed bytes that are written at once.
const PLAIN_BUFFER: usize = 256 * 1024;

/// What to download and where to.
#[derive(Clone, Debug)]
pub(super) struct Download {
    /// The archive's name in the store.
    pub(super) filename: String,
    /// A file, a directory, or `-`; the archive's own name in the working directory if absent.
    pub(super) output: Option<PathBuf>,
    /// Decompress on this side.
    pub(super) plain: bool,
    /// What the daemon makes of it.
    pub(super) made: Made,
    /// The store to read from; empty for the first that holds it.
    pub(super) store: String,
}

/// What the daemon makes of an archive on the way. Such a download cannot be resumed.
#[derive(Clone, Debug, Default, Args)]
pub struct Made {
    /// Have the daemon decrypt it on the way
    #[arg(long)]
    decrypt: bool,
    /// Have the daemon compress it otherwise on the way
    #[arg(long, value_name = "gzip|zstd|none", value_parser = ["gzip", "zstd", "none"])]
    compression: Option<String>,
    /// Only the rows of this table; may be given several times, and is kept in order
    #[arg(long = "table", value_name = "SCHEMA.TABLE")]
    tables: Vec<String>,
}

impl Made {
    fn is_anything(&self) -> bool {
        self.decrypt || self.compression.is_some() || !self.tables.is_empty()
    }
}

impl Download {
    /// Downloads, up to the end or Ctrl-C.
    pub(super) async fn run(&self, session: &Session) -> Result<Exit, CliError> {
        tokio::select! {
            outcome = self.transfer(session) => outcome,
            Ok(()) = signal::ctrl_c() => Err(CliError::InterruptedDownload),
        }
    }

    async fn transfer(&self, session: &Session) -> Result<Exit, CliError> {
        if self.output.as_deref() == Some(Path::new("-")) {
            let mut incoming = self.open(session, Prior::default(), String::new()).await?;
            let sink = tokio::io::stdout();
            self.copy(&mut incoming, sink, Path::new("standard output"))
                .await?;
            return Ok(Exit::SUCCESS);
        }
        let (target, header) = if self.made.is_anything() {
            self.transfer_made(session).await?
        } else {
            self.transfer_archive(session).await?
        };
        write_out(&if session.json {
            let answer = json!({
                "filename": header.filename,
                "path": target,
                "sizeBytes": header.size_bytes.to_string(),
                "sha256": header.sha256,
            });
            format!("{answer:#}\n")
        } else {
            let path = words::clean(&target.display().to_string());
            let size = words::size(header.size_bytes);
            format!("{path}: {size}, SHA-256 {} checked\n", header.sha256)
        })?;
        Ok(Exit::SUCCESS)
    }

    async fn transfer_archive(
        &self,
        session: &Session,
    ) -> Result<(PathBuf, DownloadHeader), CliError> {
        let target = self.target(&self.filename);
        let (mut partial, prior) = PartialFile::open(&target, !self.plain).await?;
        let header = match self.fill(session, &mut partial, prior).await {
            Ok(header) => header,
            Err(error) => {
                let wrong = matches!(error, CliError::Download(DownloadError::Digest { .. }));
                if self.plain || wrong || partial.is_empty().await {
                    partial.discard().await;
                }
                return Err(error);
            }
        };
        partial.commit().await?;
        Ok((target, header))
    }

    /// What is made on the way has its name from the header.
    async fn transfer_made(
        &self,
        session: &Session,
    ) -> Result<(PathBuf, DownloadHeader), CliError> {
        let mut incoming = self.open(session, Prior::default(), String::new()).await?;
        let target = self.target(incoming.receipt.filename());
        let (mut partial, _) = PartialFile::open(&target, false).await?;
        let path = partial.path().to_owned();
        if let Err(error) = self.copy(&mut incoming, partial.file(), &path).await {
            partial.discard().await;
            return Err(error);
        }
        incoming.bar.finish_and_clear();
        partial.commit().await?;
        Ok((target, incoming.receipt.into_header()))
    }

    /// Downloads into the partial file what it lacks.
    async fn fill(
        &self,
        session: &Session,
        partial: &mut PartialFile,
        mut prior: Prior,
    ) -> Result<DownloadHeader, CliError> {
        let mut sha256 = String::new();
        if prior.length > 0 {
            let backup = self.listed(session).await?;
            if u64::try_from(backup.size_bytes).is_ok_and(|size| prior.length <= size) {
                sha256 = backup.sha256;
            } else {
                prior = partial.restart().await?;
            }
        }
        let mut incoming = self.open(session, prior, sha256).await?;
        let path = partial.path().to_owned();
        self.copy(&mut incoming, partial.file(), &path).await?;
        incoming.bar.finish_and_clear();
        Ok(incoming.receipt.into_header())
    }

    /// The path of the finished file that is called so.
    fn target(&self, filename: &str) -> PathBuf {
        let name = Path::new(filename).file_name().unwrap_or_default();
        let name = match Path::new(name).extension() {
            Some(extension) if self.plain && extension == "gz" => {
                Path::new(name).with_extension("")
            }
            _ => PathBuf::from(name),
        };
        match &self.output {
            None => name,
            Some(path) if path.is_dir() => path.join(name),
            Some(path) => path.clone(),
        }
    }

    /// The archive as the store knows it.
    async fn listed(&self, session: &Session) -> Result<Backup, CliError> {
        let request = session.request(GetBackupRequest {
            filename: self.filename.clone(),
        });
        let response = session.backups().get_backup(request).await?;
        present(response.into_inner().backup, "backup")
    }

    /// Asks for what is missing after `prior`, and reads the header. `sha256` is the whole archive's and must be given
    /// when there is a prior part: whether that part is really of this archive shows in the digest at the end.
    async fn open(
        &self,
        session: &Session,
        prior: Prior,
        sha256: String,
    ) -> Result<Incoming, CliError> {
        let request = session.stream_request(DownloadBackupRequest {
            filename: self.filename.clone(),
            offset: i64::try_from(prior.length).unwrap_or(i64::MAX),
            sha256,
            decrypt: self.made.decrypt,
            compression: self.made.compression.clone().unwrap_or_default(),
            tables: self.made.tables.clone(),
            store: self.store.clone(),
        });
        let mut stream = session
            .backups()
            .download_backup(request)
            .await?
            .into_inner();
        let Some(Part::Header(header)) = stream.message().await?.and_then(|message| message.part)
        else {
            return Err(DownloadError::OutOfOrder("it does not begin with a header").into());
        };
        let bar = transfer_bar(
            u64::try_from(header.size_bytes).unwrap_or_default(),
            prior.length,
            &header.filename,
        );
        Ok(Incoming {
            receipt: Receipt::new(header, prior)?,
            stream,
            bar,
        })
    }

    /// Copies the rest of the stream; returns when the whole is there and checked.
    async fn copy<W: AsyncWrite + Unpin>(
        &self,
        incoming: &mut Incoming,
        mut sink: W,
        path: &Path,
    ) -> Result<(), CliError> {
        let mut reader = pin!(StreamReader::new(incoming.chunks()));
        let copied = if self.plain {
            let mut decoder = GzipDecoder::new(reader);
            decoder.multiple_members(true);
            let mut plain = BufReader::with_capacity(PLAIN_BUFFER, decoder);
            tokio::io::copy_buf(&mut plain, &mut sink).await
        } else {
            tokio::io::copy_buf(&mut reader, &mut sink).await
        };
        // What arrived is kept, also when the stream broke.
        let flushed = sink.flush().await;
        copied
            .and(flushed.map(|()| 0))
            .map_err(|error| self.cause(error, path))?;
        Ok(())
    }

    /// Gets the error out of the copying, whose own errors are the decoder's and the sink's.
    fn cause(&self, error: io::Error, path: &Path) -> CliError {
        match error.downcast::<CliError>() {
            Ok(error) => error,
            Err(error) if self.plain && DECODER_ERRORS.contains(&error.kind()) => {
                DownloadError::Decompress(error).into()
            }
            Err(source) => {
                let path = path.to_owned();
                DownloadError::Write { path, source }.into()
            }
        }
    }
}

/// What the decoder says of bytes that are no gzip, or not all of it.
const DECODER_ERRORS: [io::ErrorKind; 3] = [
    io::ErrorKind::InvalidData,
    io::ErrorKind::UnexpectedEof,
    io::ErrorKind::Other,
];

/// A download on its way.
struct Incoming {
    stream: Streaming<DownloadBackupResponse>,
    receipt: Receipt,
    bar: ProgressBar,
}

impl Incoming {
    /// The chunks. The end comes only after the trailer and the whole archive's digest were checked.
    fn chunks(&mut self) -> impl Stream<Item = io::Result<Bytes>> {
        stream::try_unfold(self, |incoming| async {
            match incoming.next().await.map_err(io::Error::other)? {
                Some(chunk) => Ok(Some((chunk, incoming))),
                None => Ok(None),
            }
        })
    }

    async fn next(&mut self) -> Result<Option<Bytes>, CliError> {
        while let Some(message) = self.stream.message().await? {
            match message.part {
                Some(Part::Chunk(chunk)) => {
                    let chunk = Bytes::from(chunk);
                    self.receipt.chunk(&chunk)?;
                    self.bar.inc(chunk.len() as u64);
                    return Ok(Some(chunk));
                }
                Some(Part::Trailer(trailer)) => self.receipt.trailer(&trailer)?,
                Some(Part::Header(_)) | None => {
                    return Err(DownloadError::OutOfOrder("a part is not a chunk").into());
                }
            }
        }
        self.receipt.check()?;
        Ok(None)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn target(filename: &str, output: Option<&str>, plain: bool) -> String {
        let download = Download {
            filename: filename.to_owned(),
            output: output.map(PathBuf::from),
            plain,
            made: Made::default(),
            store: String::new(),
        };
        download.target(filename).display().to_string()
    }

    #[test]
    fn the_file_has_the_archives_name_unless_another_is_given() {
        assert_eq!(target("app_1.sql.gz", None, false), "app_1.sql.gz");
        assert_eq!(target("app_1.sql.gz", None, true), "app_1.sql");
        assert_eq!(target("app_1.sql.gz", Some("other.sql"), true), "other.sql");
        assert_eq!(
            target("app_1.sql.gz", Some("src"), false),
            "src/app_1.sql.gz"
        );
    }

    #[test]
    fn a_name_with_directories_stays_in_the_working_directory() {
        assert_eq!(target("../../etc/passwd", None, false), "passwd");
    }
}
