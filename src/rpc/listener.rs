//! The listeners: TCP, with TLS or without, and a Unix socket. What they accept goes to one server.
//!
//! A connection takes a seat (`seats`) before a byte of it is read, and makes its handshake in a task of its own, so that
//! no caller holds up another. `caller` says who stands behind a connection, as far as the connection itself tells.

mod caller;
mod certificate;
mod connection;
mod seats;
mod tls;
mod unix;

use std::{io, net::SocketAddr, path::PathBuf, sync::Arc, time::Duration};

use tokio::{
    net::{TcpListener, TcpStream, UnixListener},
    sync::mpsc,
};
use tokio_util::{sync::CancellationToken, task::TaskTracker};

pub(super) use self::{
    caller::{Account, Caller},
    certificate::Names,
    connection::Connection,
    seats::{InCall, PeerKey},
};
use self::{
    connection::Stream,
    seats::{Seat, Seats},
    tls::Tls,
};
pub use self::{
    seats::SeatLimits,
    tls::{TlsError, TlsFiles},
    unix::UnixSocket,
};
use crate::model::{failure::chain, peer::Peer};

/// Connections that wait to be served; those behind them wait in the kernel.
const WAITING: usize = 64;
/// The pause after a failed accept, e.g. for want of file descriptors.
const PAUSE: Duration = Duration::from_millis(100);

/// Where to listen.
#[derive(Clone, Debug)]
pub struct Places {
    /// The TCP address.
    pub tcp: SocketAddr,
    /// TLS on it.
    pub tls: Option<TlsFiles>,
    /// The Unix socket.
    pub unix: Option<UnixSocket>,
}

/// Why a place could not be had.
#[derive(Debug, thiserror::Error)]
pub enum ListenError {
    /// The address could not be had.
    #[error("cannot listen on {address}")]
    Tcp {
        /// The address.
        address: SocketAddr,
        /// The cause.
        source: io::Error,
    },
    /// The socket could not be made.
    #[error("cannot listen on the Unix socket {}", path.display())]
    Unix {
        /// Its path.
        path: PathBuf,
        /// The cause.
        source: io::Error,
    },
    /// TLS could not be set up.
    #[error(transparent)]
    Tls(#[from] TlsError),
}

/// Places that are taken. Nothing is accepted yet.
pub struct Listeners {
    tcp: TcpListener,
    address: SocketAddr,
    tls: Option<Tls>,
    unix: Option<(UnixListener, unix::Held)>,
}

impl Listeners {
    /// Takes the places. Certificates that cannot be used are found here, before anything was made.
    pub async fn bind(places: &Places) -> Result<Self, ListenError> {
        let failed = |source| ListenError::Tcp {
            address: places.tcp,
            source,
        };
        let tls = places.tls.clone().map(Tls::load).transpose()?;
        let tcp = TcpListener::bind(places.tcp).await.map_err(failed)?;
        let address = tcp.local_addr().map_err(failed)?;
        let unix = places.unix.as_ref().map(unix::bind).transpose()?;
        Ok(Self {
            tcp,
            address,
            tls,
            unix,
        })
    }

    /// The TCP address that was taken.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// Accepts connections until `stop`, by tasks that have ended once the Unix socket is gone. `reload` says that the files of
    /// TLS are to be looked at now.
    pub(super) fn accept(
        self,
        limits: SeatLimits,
        stop: CancellationToken,
        reload: &tokio::sync::watch::Receiver<u64>,
    ) -> (mpsc::Receiver<io::Result<Connection>>, TaskTracker) {
        let (out, connections) = mpsc::channel(WAITING);
        let tasks = TaskTracker::new();
        let seats = Arc::new(Seats::new(limits));
        // Not among the tasks that a shutdown waits for.
        tokio::spawn(Arc::clone(&seats).watch(stop.clone()));
        if let Some(tls) = &self.tls {
            tasks.spawn(tls.clone().watch(reload.clone(), stop.clone()));
        }
        if let Some((listener, held)) = self.unix {
            let acceptor = Acceptor {
                seats: Arc::clone(&seats),
                out: out.clone(),
                stop: stop.clone(),
            };
            tasks.spawn(async move { acceptor.unix(listener, held).await });
        }
        let acceptor = Acceptor { seats, out, stop };
        tasks.spawn(acceptor.tcp(self.tcp, self.tls));
        tasks.close();
        (connections, tasks)
    }
}

struct Acceptor {
    seats: Arc<Seats>,
    out: mpsc::Sender<io::Result<Connection>>,
    stop: CancellationToken,
}

impl Acceptor {
    async fn tcp(self, listener: TcpListener, tls: Option<Tls>) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => return,
            };
            let (stream, address) = match accepted {
                Ok(accepted) => accepted,
                Err(error) => {
                    rest("TCP", &error).await;
                    continue;
                }
            };
            let Some(seat) = self.seats.take(PeerKey::of_address(address.ip())) else {
                continue;
            };
            // Small answers are not held back for more of them to come.
            if let Err(error) = stream.set_nodelay(true) {
                tracing::debug!(%address, %error, "a connection was gone when it was accepted");
                continue;
            }
            let out = self.out.clone();
            match tls.clone() {
                None => {
                    let caller = Caller::new(Peer::Tcp(address), &seat);
                    let connection = Connection::new(Stream::Plain(stream), caller, seat);
                    if out.send(Ok(connection)).await.is_err() {
                        return;
                    }
                }
                Some(tls) => {
                    tokio::spawn(secure(tls, stream, address, seat, out));
                }
            }
        }
    }

    async fn unix(self, listener: UnixListener, held: unix::Held) {
        loop {
            let accepted = tokio::select! {
                accepted = listener.accept() => accepted,
                () = self.stop.cancelled() => break,
            };
            let stream = match accepted {
                Ok((stream, _)) => stream,
                Err(error) => {
                    rest("Unix", &error).await;
                    continue;
                }
            };
            let credentials = match stream.peer_cred() {
                Ok(credentials) => credentials,
                Err(error) => {
                    tracing::warn!(%error, "the account behind a Unix connection is not known");
                    continue;
                }
            };
            let Some(seat) = self.seats.take(PeerKey::Account(credentials.uid())) else {
                continue;
            };
            let peer = Peer::Unix {
                uid: credentials.uid(),
                pid: credentials.pid(),
            };
            let out = self.out.clone();
            tokio::spawn(async move {
                // The directory of accounts may be far away; the others must not wait for it.
                let account = unix::account(credentials.uid(), credentials.gid()).await;
                let caller = Caller::new(peer, &seat).with_account(account);
                let connection = Connection::new(Stream::Unix(stream), caller, seat);
                let _gone_while_stopping = out.send(Ok(connection)).await;
            });
        }
        held.release();
    }
}

/// The TLS handshake of one connection. Its seat is taken away when it takes too long.
async fn secure(
    tls: Tls,
    stream: TcpStream,
    address: SocketAddr,
    seat: Seat,
    out: mpsc::Sender<io::Result<Connection>>,
) {
    let shaken = tokio::select! {
        shaken = tls.accept(stream) => shaken,
        () = seat.taken_away() => {
            tracing::debug!(%address, "a connection was ended in its TLS handshake");
            return;
        }
    };
    match shaken {
        Ok(stream) => {
            let names = tls::names(&stream);
            let caller = Caller::new(Peer::Tcp(address), &seat).with_certificate(names);
            let connection = Connection::new(Stream::Tls(Box::new(stream)), caller, seat);
            let _gone_while_stopping = out.send(Ok(connection)).await;
        }
        Err(error) => {
            tracing::debug!(%address, error = %chain(&error), "a TLS handshake failed");
        }
    }
}

async fn rest(listener: &str, error: &io::Error) {
    tracing::warn!(listener, %error, "a connection could not be accepted");
    tokio::time::sleep(PAUSE).await;
}
