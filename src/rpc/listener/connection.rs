//! Connection: the bytes of one caller, whatever they come over, with its seat.

use std::{
    io,
    pin::Pin,
    task::{Context, Poll},
};

use tokio::{
    io::{AsyncRead, AsyncWrite, ReadBuf},
    net::{TcpStream, UnixStream},
};
use tokio_rustls::server::TlsStream;
use tokio_util::sync::WaitForCancellationFutureOwned;
use tonic::transport::server::Connected;

use super::{caller::Caller, seats::Seat};

/// What the bytes come over.
pub(super) enum Stream {
    Plain(TcpStream),
    Tls(Box<TlsStream<TcpStream>>),
    Unix(UnixStream),
}

/// An accepted connection. It looks to the server as if the caller had ended it once its seat is taken away.
pub(in crate::rpc) struct Connection {
    stream: Stream,
    caller: Caller,
    taken_away: Pin<Box<WaitForCancellationFutureOwned>>,
    _seat: Seat,
}

impl Connection {
    pub(super) fn new(stream: Stream, caller: Caller, seat: Seat) -> Self {
        Self {
            stream,
            caller,
            taken_away: Box::pin(seat.taken_away()),
            _seat: seat,
        }
    }
}

impl Connected for Connection {
    type ConnectInfo = Caller;

    fn connect_info(&self) -> Caller {
        self.caller.clone()
    }
}

macro_rules! on_stream {
    ($stream:expr, $inner:ident => $deed:expr) => {
        match $stream {
            Stream::Plain($inner) => $deed,
            Stream::Tls($inner) => $deed,
            Stream::Unix($inner) => $deed,
        }
    };
}

impl AsyncRead for Connection {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if self.taken_away.as_mut().poll(context).is_ready() {
            return Poll::Ready(Ok(()));
        }
        on_stream!(&mut self.stream, inner => Pin::new(inner).poll_read(context, buffer))
    }
}

impl AsyncWrite for Connection {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        if self.taken_away.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        on_stream!(&mut self.stream, inner => Pin::new(inner).poll_write(context, bytes))
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        parts: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        if self.taken_away.as_mut().poll(context).is_ready() {
            return Poll::Ready(Err(io::ErrorKind::ConnectionAborted.into()));
        }
        on_stream!(&mut self.stream, inner => Pin::new(inner).poll_write_vectored(context, parts))
    }

    fn is_write_vectored(&self) -> bool {
        on_stream!(&self.stream, inner => inner.is_write_vectored())
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(&mut self.stream, inner => Pin::new(inner).poll_flush(context))
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        on_stream!(&mut self.stream, inner => Pin::new(inner).poll_shutdown(context))
    }
}
