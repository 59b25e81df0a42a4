//! COPY … TO STDOUT as a stream of bytes that never holds a row.
//!
//! The server sends each row as one message, and a row may have 1 GB, which tokio-postgres would collect before giving it.
//! So a [`CopySession`] reads its socket through a tap: what is inside CopyData messages is led off, in chunks, to whoever
//! takes the rows, and tokio-postgres sees the rest of the conversation only. It also saves a million small messages a
//! second their way through the client. The taker sets the pace: while chunks wait, the socket is not read.

use std::{
    io,
    ops::Deref,
    pin::Pin,
    task::{Context, Poll, ready},
    time::Duration,
};

use bytes::{Buf as _, Bytes, BytesMut};
use futures_util::StreamExt as _;
use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
    runtime::Handle,
    sync::mpsc,
    task::JoinHandle,
};
use tokio_postgres::{Client, Config, CopyOutStream, NoTls, config::Host};
use tokio_util::{io::poll_read_buf, sync::PollSender};

use super::{
    error::PostgresError,
    session::{CANCEL_TIMEOUT, lift_limits, target},
};
use crate::model::failure::chain;

/// Bytes of rows that are given at a time, about.
const CHUNK_BYTES: usize = 256 * 1024;
/// Chunks that may wait for their taker.
const WAITING: usize = 4;
/// The type of the message that carries rows.
const COPY_DATA: u8 = b'd';
/// A message's type and length.
const HEADER_BYTES: usize = 5;

/// A connection of its own that rows can be streamed from. Dropped, it closes, and the server ends its statement.
pub struct CopySession {
    client: Client,
    rows: mpsc::Receiver<Bytes>,
    driver: JoinHandle<()>,
    /// Where a request to cancel goes.
    config: Config,
}

impl CopySession {
    /// Connects as `config` says, to the first of its hosts.
    pub async fn connect(
        config: &Config,
        application_name: &str,
        timeout: Duration,
    ) -> Result<Self, PostgresError> {
        let mut config = config.clone();
        config.application_name(application_name);
        let (sender, rows) = mpsc::channel(WAITING);
        let connecting = async {
            let socket = open_socket(&config)
                .await
                .map_err(|source| PostgresError::Socket {
                    target: target(&config),
                    source,
                })?;
            config
                .connect_raw(Tap::new(socket, sender), NoTls)
                .await
                .map_err(|source| PostgresError::Connect {
                    target: target(&config),
                    source: source.into(),
                })
        };
        let connected = tokio::time::timeout(timeout, connecting).await;
        let (client, connection) = connected.map_err(|_| PostgresError::ConnectTimeout {
            target: target(&config),
            after: timeout,
        })??;
        let driver = tokio::spawn(async move {
            if let Err(error) = connection.await {
                tracing::debug!(error = %chain(&error), "copy session ended");
            }
        });
        let session = Self {
            client,
            rows,
            driver,
            config,
        };
        lift_limits(&session.client).await?;
        Ok(session)
    }

    /// Starts `COPY … TO STDOUT`. What is left of it when the rows are dropped early makes the session useless.
    pub async fn copy_out(&mut self, statement: &str) -> Result<Rows<'_>, tokio_postgres::Error> {
        let end = self.client.copy_out(statement).await?;
        Ok(Rows {
            chunks: &mut self.rows,
            end: Box::pin(end),
            has_ended: false,
        })
    }
}

impl Deref for CopySession {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.client
    }
}

impl Drop for CopySession {
    fn drop(&mut self) {
        self.driver.abort();
        // A server that waits for a lock does not see that its client is gone, and would wait on.
        if let Ok(runtime) = Handle::try_current() {
            let (cancel, config) = (self.client.cancel_token(), self.config.clone());
            runtime.spawn(tokio::time::timeout(CANCEL_TIMEOUT, async move {
                let asked = match open_socket(&config).await {
                    Ok(socket) => cancel.cancel_query_raw(socket, NoTls).await.is_ok(),
                    Err(_) => false,
                };
                if !asked {
                    tracing::debug!("could not cancel a copy session's statement");
                }
            }));
        }
    }
}

/// The rows of one COPY, in chunks that are cut anywhere.
pub struct Rows<'a> {
    chunks: &'a mut mpsc::Receiver<Bytes>,
    end: Pin<Box<CopyOutStream>>,
    has_ended: bool,
}

impl Rows<'_> {
    /// The next chunk; none at the end, which is given only when the server said that it was the end.
    pub async fn next(&mut self) -> Result<Option<Bytes>, tokio_postgres::Error> {
        if !self.has_ended {
            tokio::select! {
                biased;
                Some(chunk) = self.chunks.recv() => return Ok(Some(chunk)),
                end = self.end.next() => match end {
                    Some(Err(error)) => return Err(error),
                    Some(Ok(rows)) => return Ok(Some(rows)),
                    None => self.has_ended = true,
                },
            }
        }
        // The tap let the end pass only when all chunks before it were in the channel.
        Ok(self.chunks.try_recv().ok())
    }
}

/// Opens the connection that `config` describes: the host's address where one is given, else its name or directory.
async fn open_socket(config: &Config) -> io::Result<Box<dyn Socket>> {
    let port = config.get_ports().first().copied().unwrap_or(5432);
    if let Some(address) = config.get_hostaddrs().first() {
        return tcp(TcpStream::connect((*address, port)).await?);
    }
    match config.get_hosts().first() {
        Some(Host::Tcp(name)) => tcp(TcpStream::connect((name.as_str(), port)).await?),
        Some(Host::Unix(directory)) => {
            let path = directory.join(format!(".s.PGSQL.{port}"));
            Ok(Box::new(UnixStream::connect(path).await?))
        }
        None => Err(io::Error::new(
            io::ErrorKind::InvalidInput,
            "no host is given",
        )),
    }
}

fn tcp(stream: TcpStream) -> io::Result<Box<dyn Socket>> {
    stream.set_nodelay(true)?;
    Ok(Box::new(stream))
}

trait Socket: AsyncRead + AsyncWrite + Unpin + Send {}

impl<S: AsyncRead + AsyncWrite + Unpin + Send> Socket for S {}

/// What the next bytes of the conversation are.
#[derive(Clone, Copy)]
enum Next {
    /// A message's type and length.
    Header,
    /// So many bytes that tokio-postgres is to see.
    Passed(usize),
    /// So many bytes of rows.
    Rows(usize),
}

/// The socket as tokio-postgres reads it.
struct Tap {
    socket: Box<dyn Socket>,
    inbox: BytesMut,
    next: Next,
    /// Rows that were not handed over yet.
    chunk: BytesMut,
    taker: PollSender<Bytes>,
}

impl Tap {
    fn new(socket: Box<dyn Socket>, taker: mpsc::Sender<Bytes>) -> Self {
        Self {
            socket,
            inbox: BytesMut::with_capacity(CHUNK_BYTES),
            next: Next::Header,
            chunk: BytesMut::new(),
            taker: PollSender::new(taker),
        }
    }

    /// Hands the collected rows over, once there is room.
    fn poll_hand_over(&mut self, context: &mut Context<'_>) -> Poll<()> {
        if !self.chunk.is_empty() {
            let has_taker = ready!(self.taker.poll_reserve(context)).is_ok();
            let chunk = self.chunk.split().freeze();
            if has_taker {
                // There is a place for it; that the taker went away since is for the driver to find out.
                let _ = self.taker.send_item(chunk);
            }
        }
        Poll::Ready(())
    }

    /// Reads from the socket what is there; gives false at its end.
    fn poll_fill(&mut self, context: &mut Context<'_>) -> Poll<io::Result<bool>> {
        self.inbox.reserve(CHUNK_BYTES / 4);
        let read = ready!(poll_read_buf(
            Pin::new(&mut self.socket),
            context,
            &mut self.inbox
        ))?;
        Poll::Ready(Ok(read > 0))
    }
}

impl AsyncRead for Tap {
    fn poll_read(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        target: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let tap = self.get_mut();
        loop {
            match tap.next {
                Next::Header if tap.inbox.len() >= HEADER_BYTES => {
                    let length = u32::from_be_bytes([
                        tap.inbox[1],
                        tap.inbox[2],
                        tap.inbox[3],
                        tap.inbox[4],
                    ]) as usize;
                    if tap.inbox[0] == COPY_DATA {
                        tap.inbox.advance(HEADER_BYTES);
                        tap.next = Next::Rows(length.saturating_sub(4));
                    } else {
                        // All rows before the end, then the end.
                        ready!(tap.poll_hand_over(context));
                        tap.next = Next::Passed(length + 1);
                    }
                }
                Next::Passed(0) | Next::Rows(0) => tap.next = Next::Header,
                Next::Passed(left) if !tap.inbox.is_empty() => {
                    let count = left.min(tap.inbox.len()).min(target.remaining());
                    target.put_slice(&tap.inbox[..count]);
                    tap.inbox.advance(count);
                    tap.next = Next::Passed(left - count);
                    return Poll::Ready(Ok(()));
                }
                Next::Rows(left) if !tap.inbox.is_empty() => {
                    let count = left.min(tap.inbox.len());
                    if tap.chunk.capacity() == 0 {
                        tap.chunk.reserve(CHUNK_BYTES + CHUNK_BYTES / 4);
                    }
                    tap.chunk.extend_from_slice(&tap.inbox[..count]);
                    tap.inbox.advance(count);
                    tap.next = Next::Rows(left - count);
                    if tap.chunk.len() >= CHUNK_BYTES {
                        ready!(tap.poll_hand_over(context));
                    }
                }
                // More bytes are needed. A chunk that was full when there was no room is handed over first.
                Next::Header | Next::Passed(_) | Next::Rows(_) => {
                    if tap.chunk.len() >= CHUNK_BYTES {
                        ready!(tap.poll_hand_over(context));
                    }
                    if !ready!(tap.poll_fill(context))? {
                        return Poll::Ready(Ok(()));
                    }
                }
            }
        }
    }
}

impl AsyncWrite for Tap {
    fn poll_write(
        self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.get_mut().socket).poll_write(context, bytes)
    }

    fn poll_flush(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_flush(context)
    }

    fn poll_shutdown(self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.get_mut().socket).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    fn message(kind: u8, body: &[u8]) -> Vec<u8> {
        let length = u32::try_from(body.len() + 4).unwrap();
        [&[kind], &length.to_be_bytes()[..], body].concat()
    }

    /// What passes the tap, and what it leads off, when the conversation comes in pieces of this size.
    async fn tapped(conversation: Vec<u8>, step: usize) -> (Vec<u8>, Vec<u8>) {
        let (mut server, client) = tokio::io::duplex(64 * 1024);
        let (sender, mut rows) = mpsc::channel(WAITING);
        let mut tap = Tap::new(Box::new(client), sender);
        let sending = tokio::spawn(async move {
            for piece in conversation.chunks(step) {
                server.write_all(piece).await.unwrap();
            }
        });
        let taking = tokio::spawn(async move {
            let mut all = Vec::new();
            while let Some(chunk) = rows.recv().await {
                all.extend_from_slice(&chunk);
            }
            all
        });
        let mut passed = Vec::new();
        tap.read_to_end(&mut passed).await.unwrap();
        drop(tap);
        sending.await.unwrap();
        (passed, taking.await.unwrap())
    }

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(64))]
        #[test]
        fn rows_are_led_off_and_all_else_passes_however_the_bytes_are_cut(
            messages in prop::collection::vec(
                (prop_oneof![Just(COPY_DATA), Just(b'C'), Just(b'Z')], prop::collection::vec(any::<u8>(), 0..200)),
                0..40,
            ),
            step in 1_usize..300,
        ) {
            // An end last: rows at the very end of a connection belong to no COPY that ended.
            let messages: Vec<(u8, Vec<u8>)> = messages.into_iter().chain([(b'c', Vec::new())]).collect();
            let conversation: Vec<u8> = messages.iter().flat_map(|(kind, body)| message(*kind, body)).collect();
            let expected_rows: Vec<u8> = messages.iter().filter(|(kind, _)| *kind == COPY_DATA).flat_map(|(_, body)| body.clone()).collect();
            let expected_rest: Vec<u8> = messages.iter().filter(|(kind, _)| *kind != COPY_DATA).flat_map(|(kind, body)| message(*kind, body)).collect();
            let runtime = tokio::runtime::Builder::new_current_thread().build().unwrap();
            let (passed, rows) = runtime.block_on(tapped(conversation, step));
            prop_assert_eq!(passed, expected_rest);
            prop_assert_eq!(rows, expected_rows);
        }
    }
}
