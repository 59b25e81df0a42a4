//! A proxy on loopback that stands between a client and a server and lets a test cut or stall what goes through: an S3
//! service's requests, or PostgreSQL's sessions.

use std::{
    net::SocketAddr,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
};

use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::{
        TcpListener, TcpStream,
        tcp::{OwnedReadHalf, OwnedWriteHalf},
    },
    sync::watch,
    task::JoinHandle,
};

use super::cluster::cluster;

/// What the proxy does with what comes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    /// It passes everything on.
    Pass,
    /// It takes connections and moves nothing, in either direction.
    Stall,
    /// It closes every connection, those that are open and those that come.
    Cut,
}

/// A running proxy. It ends, with its connections, when this is dropped.
pub(crate) struct Proxy {
    /// Where clients go.
    pub(crate) address: SocketAddr,
    mood: watch::Sender<Mood>,
    /// Bytes that may still pass towards the server before the proxy stalls or cuts by itself.
    trip: Arc<Trip>,
    /// The same of bytes that come from the server.
    answers: Arc<Trip>,
    serving: JoinHandle<()>,
}

/// What happens after a number of bytes.
struct Trip {
    left: AtomicU64,
    into: watch::Sender<Mood>,
}

impl Trip {
    fn unset() -> Self {
        Self {
            left: AtomicU64::new(u64::MAX),
            into: watch::Sender::new(Mood::Cut),
        }
    }

    fn set(&self, into: Mood, bytes: u64) {
        self.into.send_replace(into);
        self.left.store(bytes, Ordering::Relaxed);
    }
}

/// A proxy before the suite's PostgreSQL.
pub(crate) async fn before_server() -> Proxy {
    Proxy::before(([127, 0, 0, 1], cluster().port).into()).await
}

impl Proxy {
    /// Starts one before a server.
    pub(crate) async fn before(server: SocketAddr) -> Self {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let (mood, seen) = watch::channel(Mood::Pass);
        let (trip, answers) = (Arc::new(Trip::unset()), Arc::new(Trip::unset()));
        let serving = tokio::spawn(accept(
            listener,
            server,
            mood.clone(),
            seen,
            [Arc::clone(&trip), Arc::clone(&answers)],
        ));
        Self {
            address,
            mood,
            trip,
            answers,
            serving,
        }
    }

    /// Passes everything on again: what was held back, and new connections.
    pub(crate) fn resume(&self) {
        self.trip.left.store(u64::MAX, Ordering::Relaxed);
        self.answers.left.store(u64::MAX, Ordering::Relaxed);
        self.mood.send_replace(Mood::Pass);
    }

    /// Moves nothing any more, and closes nothing.
    pub(crate) fn stall(&self) {
        self.mood.send_replace(Mood::Stall);
    }

    /// Closes all connections, and every one that comes.
    pub(crate) fn cut(&self) {
        self.mood.send_replace(Mood::Cut);
    }

    /// Stalls by itself once so many more bytes have gone towards the server.
    pub(crate) fn stall_after(&self, bytes: u64) {
        self.trip.set(Mood::Stall, bytes);
    }

    /// Cuts by itself once so many more bytes have gone towards the server.
    pub(crate) fn cut_after(&self, bytes: u64) {
        self.trip.set(Mood::Cut, bytes);
    }

    /// Stalls by itself once so many more bytes have come from the server.
    pub(crate) fn stall_after_answers(&self, bytes: u64) {
        self.answers.set(Mood::Stall, bytes);
    }

    /// Cuts by itself once so many more bytes have come from the server.
    pub(crate) fn cut_after_answers(&self, bytes: u64) {
        self.answers.set(Mood::Cut, bytes);
    }

    /// Waits until it has stalled or cut by itself.
    pub(crate) async fn tripped(&self) {
        let mut mood = self.mood.subscribe();
        let tripped = mood.wait_for(|mood| *mood != Mood::Pass);
        tokio::time::timeout(super::wait::BOUND, tripped)
            .await
            .expect("as many bytes did not come")
            .unwrap();
    }
}

impl Drop for Proxy {
    fn drop(&mut self) {
        self.serving.abort();
        self.mood.send_replace(Mood::Cut);
    }
}

async fn accept(
    listener: TcpListener,
    server: SocketAddr,
    mood: watch::Sender<Mood>,
    seen: watch::Receiver<Mood>,
    trips: [Arc<Trip>; 2],
) {
    loop {
        let (client, _) = listener.accept().await.unwrap();
        let (mood, mut seen) = (mood.clone(), seen.clone());
        let [trip, answers] = trips.clone();
        tokio::spawn(async move {
            if *seen.borrow() == Mood::Cut {
                return;
            }
            let Ok(upstream) = TcpStream::connect(server).await else {
                return;
            };
            let (from_client, to_client) = client.into_split();
            let (from_server, to_server) = upstream.into_split();
            let up = relay(from_client, to_server, seen.clone(), (mood.clone(), trip));
            let down = relay(from_server, to_client, seen.clone(), (mood, answers));
            // Whoever ends first ends the other: a half that is closed does not help a test.
            tokio::select! {
                () = up => {}
                () = down => {}
                _ = seen.wait_for(|mood| *mood == Mood::Cut) => {}
            }
        });
    }
}

/// Moves bytes one way while the mood is to pass.
async fn relay(
    mut from: OwnedReadHalf,
    mut to: OwnedWriteHalf,
    mut seen: watch::Receiver<Mood>,
    (mood, trip): (watch::Sender<Mood>, Arc<Trip>),
) {
    let mut buffer = vec![0; 64 * 1024];
    loop {
        let Ok(count) = from.read(&mut buffer).await else {
            return;
        };
        if count == 0 {
            return;
        }
        let left = trip.left.load(Ordering::Relaxed);
        if left != u64::MAX {
            let rest = left.saturating_sub(count as u64);
            trip.left.store(rest, Ordering::Relaxed);
            if rest == 0 {
                trip.left.store(u64::MAX, Ordering::Relaxed);
                mood.send_replace(*trip.into.borrow());
            }
        }
        if seen.wait_for(|mood| *mood == Mood::Pass).await.is_err() {
            return;
        }
        if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}
