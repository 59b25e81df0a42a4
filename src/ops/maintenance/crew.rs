//! Crew: several sessions that take pieces of maintenance work from one queue, and the way in which the whole of it makes way
//! for other work of the database.
//!
//! A piece that fails is reported as failed and stops nobody; one whose connection was lost costs a new session. When others
//! wait for the database, nobody begins another piece, and what still runs after the grace is cancelled and done again later.

use std::{
    collections::{BTreeMap, VecDeque},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

use tokio::{task::JoinSet, time::timeout};

use super::watch;
use crate::{
    model::failure::{Classified, Failure},
    ops::{
        daemon::{Daemon, Managed},
        runner::job::Job,
        turn::{MakeWay, Turn, Work},
        workers::all,
    },
    postgres::{database::Purpose, error::PostgresError, locks, session::Session},
};

/// How long a cancelled statement may take to end; then its connection is given up.
const CANCEL: Duration = Duration::from_secs(5);

/// One kind of maintenance work.
pub(super) trait Craft: Send + Sync + 'static {
    /// A table or an index.
    type Piece: Clone + Send + Sync + 'static;
    /// What came of it.
    type Made: Send + 'static;
    /// What a session is given when it begins.
    type Kit: Send + Sync;

    /// Its turn on the database.
    const WORK: Work;

    /// The piece's name for the progress.
    fn name(piece: &Self::Piece) -> String;
    /// Its weight in the progress.
    fn bytes(piece: &Self::Piece) -> u64;
    /// Which part of the piece is done, 0 to 1, in this phase of the server's work.
    fn part(piece: &Self::Piece, phase: &str, part: f64) -> f64;
    /// Whether a piece must wait while this other one is at work.
    fn excludes(_piece: &Self::Piece, _running: &Self::Piece) -> bool {
        false
    }
    /// Puts in order what a pass has left, before the turn is given to others. It must not take long.
    fn after_pass(&self) -> impl Future<Output = ()> + Send {
        async {}
    }
    /// How long a statement waits for a lock.
    fn lock_timeout(&self) -> Duration;
    /// Makes a new session ready.
    fn equip(
        &self,
        session: &Session,
    ) -> impl Future<Output = Result<Self::Kit, PostgresError>> + Send;
    /// Does one piece.
    fn work(
        &self,
        session: &Session,
        kit: &Self::Kit,
        piece: &Self::Piece,
    ) -> impl Future<Output = Result<Self::Made, PostgresError>> + Send;
    /// What is reported of a piece that failed. `blocked_by` says who held a lock that it waited for, where that was seen.
    fn failed(
        &self,
        piece: &Self::Piece,
        error: &PostgresError,
        after: Duration,
        blocked_by: &str,
    ) -> Self::Made;
}

/// A piece that is at work.
pub(super) struct Running<Piece> {
    pub(super) piece: Piece,
    /// For whom it waits; empty for nobody.
    pub(super) blocked_by: String,
}

/// What all sessions share.
pub(super) struct Crew<C: Craft> {
    pub(super) craft: C,
    managed: Arc<Managed>,
    jobs: usize,
    total_bytes: u64,
    queue: Mutex<VecDeque<C::Piece>>,
    made: Mutex<Made<C::Made>>,
    /// By the process id of the session that works on it.
    running: Mutex<BTreeMap<i32, Running<C::Piece>>>,
}

struct Made<T> {
    pieces: Vec<T>,
    bytes: u64,
}

fn lock<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl<C: Craft> Crew<C> {
    /// A crew of at most so many sessions, for these pieces in their order.
    pub(super) fn new(
        craft: C,
        managed: &Arc<Managed>,
        jobs: usize,
        pieces: Vec<C::Piece>,
    ) -> Arc<Self> {
        Arc::new(Self {
            craft,
            managed: Arc::clone(managed),
            jobs,
            total_bytes: pieces.iter().map(C::bytes).sum(),
            queue: Mutex::new(pieces.into()),
            made: Mutex::new(Made {
                pieces: Vec::new(),
                bytes: 0,
            }),
            running: Mutex::default(),
        })
    }

    /// Does all pieces under the turn, and makes way whenever others wait for the database. Gives the turn back, what was made, and how often it made way.
    pub(super) async fn work_off(
        self: &Arc<Self>,
        daemon: &Daemon,
        job: &Job,
        mut turn: Turn,
        mut yields: u32,
    ) -> Result<(Turn, Vec<C::Made>, u32), Failure> {
        let database = &self.managed.database;
        let grace = daemon.settings.maintenance.yield_after;
        loop {
            let way = MakeWay::default();
            let pass = turn.making_way(database, grace, &way, self.pass(job, &way));
            turn.during(job, pass).await?;
            self.report(job);
            if lock(&self.queue).is_empty() {
                let made = std::mem::take(&mut lock(&self.made).pieces);
                return Ok((turn, made, yields));
            }
            yields += 1;
            self.craft.after_pass().await;
            turn.end().await;
            turn = Turn::take_again(database, C::WORK, job).await?;
        }
    }

    /// Works until the queue is empty or others wait.
    async fn pass(self: &Arc<Self>, job: &Job, way: &MakeWay) -> Result<(), Failure> {
        let mut workers = JoinSet::new();
        let hands = self.jobs.min(lock(&self.queue).len());
        for _ in 0..hands {
            match self.session().await {
                Ok(hand) => {
                    let (crew, way) = (Arc::clone(self), way.clone());
                    workers.spawn(async move { crew.toil(hand, &way).await });
                }
                Err(error) if workers.is_empty() => return Err(error.into()),
                Err(error) => {
                    let failure = Failure::from(error);
                    tracing::warn!(%failure, "going on with fewer connections than asked for");
                    break;
                }
            }
        }
        tokio::select! {
            worked = all(workers, "the maintenance work") => worked.map(|_| ()),
            never = watch::watch(self, job) => match never {},
        }
    }

    async fn session(&self) -> Result<Hand<C>, PostgresError> {
        let name = format!("pgsteward {}", C::WORK.name());
        let session = self
            .managed
            .database
            .session(Purpose::Maintenance, &name)
            .await?;
        let timeout = self.craft.lock_timeout().as_millis().to_string();
        session
            .execute(
                "SELECT pg_catalog.set_config('lock_timeout', $1, false)",
                &[&timeout],
            )
            .await
            .map_err(PostgresError::query("limit the waits for locks"))?;
        Ok(Hand {
            backend: locks::backend(&session).await?,
            kit: self.craft.equip(&session).await?,
            session,
        })
    }

    /// One session's share of the work.
    async fn toil(&self, mut hand: Hand<C>, way: &MakeWay) -> Result<(), Failure> {
        while !way.soon.is_cancelled() {
            let Some(piece) = self.take(hand.backend) else {
                break;
            };
            let start = Instant::now();
            let ended = self.attempt(&hand, &piece, way).await;
            let blocked_by = lock(&self.running)
                .remove(&hand.backend)
                .map(|running| running.blocked_by)
                .unwrap_or_default();
            match ended {
                Some(Ok(made)) => self.note(&piece, made),
                None => lock(&self.queue).push_front(piece),
                Some(Err(error)) => {
                    let after = start.elapsed();
                    let made = self.craft.failed(&piece, &error, after, &blocked_by);
                    self.note(&piece, made);
                    if !hand.session.is_held() {
                        tracing::warn!(%error, hint = error.hint(), "a connection was lost; going on with another");
                        hand = self.session().await?;
                    }
                }
            }
        }
        // A statement that did not heed its cancellation would be waited for.
        if !way.now.is_cancelled() {
            hand.session.close().await;
        }
        Ok(())
    }

    /// The next piece that no other one keeps waiting. With none, whoever is at work does the rest.
    fn take(&self, backend: i32) -> Option<C::Piece> {
        let mut running = lock(&self.running);
        let mut queue = lock(&self.queue);
        let free = queue.iter().position(|piece| {
            let mut others = running.values();
            !others.any(|other| C::excludes(piece, &other.piece))
        })?;
        let piece = queue.remove(free)?;
        let taken = Running {
            piece: piece.clone(),
            blocked_by: String::new(),
        };
        running.insert(backend, taken);
        Some(piece)
    }

    /// None where it was cancelled to make way.
    async fn attempt(
        &self,
        hand: &Hand<C>,
        piece: &C::Piece,
        way: &MakeWay,
    ) -> Option<Result<C::Made, PostgresError>> {
        let work = self.craft.work(&hand.session, &hand.kit, piece);
        tokio::pin!(work);
        tokio::select! {
            ended = &mut work => return Some(ended),
            () = way.now.cancelled() => {}
        }
        tracing::info!(
            piece = C::name(piece),
            "cancelled to make way; it is done again later"
        );
        hand.session.cancel_statement().await;
        match timeout(CANCEL, work).await {
            Ok(Ok(made)) => Some(Ok(made)),
            Ok(Err(_)) | Err(_) => None,
        }
    }

    fn note(&self, piece: &C::Piece, made: C::Made) {
        let mut all = lock(&self.made);
        all.pieces.push(made);
        all.bytes += C::bytes(piece);
    }

    /// What is at work, by the process ids of the sessions.
    pub(super) fn running(&self) -> MutexGuard<'_, BTreeMap<i32, Running<C::Piece>>> {
        lock(&self.running)
    }

    /// Tells the progress: what is done, and that much of what is at work.
    pub(super) fn count(&self, job: &Job, in_work: u64) {
        let done = lock(&self.made).bytes + in_work;
        job.count(done.min(self.total_bytes), self.total_bytes, "bytes");
    }

    fn report(&self, job: &Job) {
        job.say("");
        self.count(job, 0);
    }

    /// A session to look at the others with.
    pub(super) async fn watcher(&self) -> Result<Session, PostgresError> {
        let database = &self.managed.database;
        database
            .session(Purpose::Maintenance, "pgsteward watch")
            .await
    }
}

/// A session at work.
struct Hand<C: Craft> {
    session: Session,
    backend: i32,
    kit: C::Kit,
}
