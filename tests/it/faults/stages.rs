//! Restores that are held in each of their stages, where the daemon is killed or all its sessions are ended. What holds them
//! is in the database itself: a function that waits for as long as the test holds an advisory lock, and that a check, an
//! index, a materialized view and extended statistics call.

use pgsteward::proto::{Operation, OperationState, operation::Outcome};
use tokio_postgres::Client as Session;

use super::{Before, died_with_its_daemon, end_sessions, start_beside, start_drill, start_live};
use crate::support::{
    Client, Daemon, Site,
    database::{run, value},
    wait::until,
};

/// Where a restore is held.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Stage {
    Rows = 1,
    Indexes = 2,
    Views = 3,
    Analyze = 4,
    Verify = 5,
}

pub(super) const STAGES: [Stage; 5] = [
    Stage::Rows,
    Stage::Indexes,
    Stage::Views,
    Stage::Analyze,
    Stage::Verify,
];

/// What kind of restore.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Kind {
    Beside,
    Live,
    Drill,
}

impl Kind {
    async fn start(self, site: &Site, client: &Client, filename: &str) -> Operation {
        let started = match self {
            Self::Beside => start_beside(site, client, filename).await,
            Self::Live => start_live(client, filename).await,
            Self::Drill => start_drill(client).await,
        };
        started.unwrap()
    }
}

/// The first half of the advisory locks' keys of this site.
fn key(site: &Site) -> i32 {
    let prefix = site.databases.role("");
    prefix.trim_matches(['t', '_']).parse().unwrap()
}

/// A site with a table that can be held in every stage, and a backup of it.
pub(super) async fn with_stages() -> (Site, Daemon, Before) {
    let site = Site::new().await;
    let key = key(&site);
    site.databases
        .run(&format!(
            "CREATE FUNCTION hold(stage int, n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS $$BEGIN
                 WHILE EXISTS (SELECT FROM pg_catalog.pg_locks WHERE locktype = 'advisory' AND granted
                               AND classid = {key} AND objid = stage::oid)
                 LOOP PERFORM pg_catalog.pg_sleep(0.02); END LOOP;
                 RETURN true;
             END$$;
             CREATE TABLE orders (id int CHECK (public.hold(1, id)), name text);
             CREATE INDEX held_index ON orders (public.hold(2, id));
             CREATE STATISTICS held_statistics ON (public.hold(4, id)), id FROM orders;
             INSERT INTO orders SELECT n, md5(n::text) FROM generate_series(1, 50) n;
             CREATE MATERIALIZED VIEW held_view AS SELECT id, public.hold(3, id) FROM public.orders"
        ))
        .await;
    let daemon = site.start().await;
    daemon.client().back_up().await;
    let before = Before::of(&site, daemon.client()).await;
    (site, daemon, before)
}

/// What a stage is held by, for as long as this is there.
pub(super) struct Held {
    stage: Stage,
    holder: Session,
    /// Has a table of the new database for itself, so that its rows cannot be read.
    reader: Option<tokio::task::JoinHandle<Session>>,
}

impl Held {
    pub(super) async fn at(site: &Site, stage: Stage) -> Self {
        let holder = site.databases.superuser_in("postgres").await;
        // Nobody reads rows before they are analyzed: there the table can be locked.
        let first = if stage == Stage::Verify {
            Stage::Analyze
        } else {
            stage
        };
        let lock = format!("SELECT pg_advisory_lock({}, {})", key(site), first as i32);
        run(&holder, &lock).await;
        Self {
            stage,
            holder,
            reader: None,
        }
    }

    /// Waits until the restore stands there; gives the name of the database that it makes.
    pub(super) async fn reached(&mut self, site: &Site) -> String {
        let held = format!(
            "SELECT min(datname::text) FROM pg_stat_activity
             WHERE usename = '{}' AND datname <> '{}' AND wait_event = 'PgSleep'",
            site.databases.role("admin"),
            site.databases.managed()
        );
        let name = until("the stage is reached", || async {
            value::<Option<String>>(&self.holder, &held).await
        })
        .await;
        if self.stage == Stage::Verify {
            let locking = site.databases.superuser_in(&name).await;
            self.reader = Some(tokio::spawn(async move {
                let lock = "BEGIN; LOCK TABLE public.orders IN ACCESS EXCLUSIVE MODE";
                run(&locking, lock).await;
                locking
            }));
            self.waits(&name, "LIKE '%LOCK TABLE%'").await;
            run(&self.holder, "SELECT pg_advisory_unlock_all()").await;
            // Its sizes, then its rows: whatever comes first.
            self.waits(&name, "NOT LIKE '%LOCK TABLE%'").await;
        }
        name
    }

    async fn waits(&self, database: &str, which: &str) {
        let waits = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{database}' AND wait_event_type = 'Lock'
               AND query {which}"
        );
        until("somebody waits for the table", || async {
            (value::<i64>(&self.holder, &waits).await > 0).then_some(())
        })
        .await;
    }
}

/// The daemon is killed in every stage, one after the other. Nothing is let go on before the next daemon has swept.
async fn killed_in_every_stage(kind: Kind) {
    let (site, mut daemon, before) = with_stages().await;
    let filename = before.listed[0].clone();
    for stage in STAGES {
        let mut held = Held::at(&site, stage).await;
        let operation = kind.start(&site, daemon.client(), &filename).await;
        held.reached(&site).await;
        // A superuser's session is not the daemon's to end.
        if let Some(reader) = held.reader.take() {
            drop(reader.await.unwrap());
        }

        daemon.kill9();
        daemon = site.start().await;

        died_with_its_daemon(daemon.client(), &operation.id).await;
        before.nothing_is_left(&site, &daemon).await;
        drop(held);
    }
    let again = kind.start(&site, daemon.client(), &filename).await;
    daemon.client().outcome(Some(again)).await;
    daemon.stop().await;
}

#[tokio::test]
async fn killed_in_any_stage_of_a_restore_beside_the_daemon_leaves_nothing_for_the_next() {
    killed_in_every_stage(Kind::Beside).await;
}

#[tokio::test]
async fn killed_in_any_stage_of_a_drill_the_daemon_leaves_nothing_for_the_next() {
    killed_in_every_stage(Kind::Drill).await;
}

/// All sessions of the daemon are ended in every stage, one after the other. Each time the operation fails with a reason, or
/// succeeds where the work that was ended is one that a restore can do without, and says so.
async fn sessions_ended_in_every_stage(kind: Kind) {
    let (site, daemon, before) = with_stages().await;
    let client = daemon.client();
    let filename = before.listed[0].clone();
    if kind == Kind::Live {
        client.enter_maintenance().await;
    }
    for stage in STAGES {
        let mut held = Held::at(&site, stage).await;
        let operation = kind.start(&site, client, &filename).await;
        held.reached(&site).await;

        assert!(end_sessions(&site, "true").await >= 2);

        if let Some(reader) = held.reader.take() {
            drop(reader.await.unwrap());
        }
        let ended = client.wait_for(&operation.id).await;
        drop(held);
        // A restore goes without a view that cannot be filled, and without statistics; where it holds no turn, it goes on.
        if ended.state() == OperationState::Succeeded {
            let can_do_without = [Stage::Views, Stage::Analyze].contains(&stage);
            assert!(can_do_without && kind != Kind::Live, "{stage:?}: {ended:?}");
            if let Some(Outcome::Restore(restored)) = ended.outcome {
                assert!(restored.warnings[0].contains("terminating connection"));
                let server = site.databases.superuser_in("postgres").await;
                run(
                    &server,
                    &format!("DROP DATABASE {}", restored.into_database),
                )
                .await;
            }
            before.nothing_is_left(&site, &daemon).await;
            continue;
        }
        let error = crate::support::client::failure_of(ended);
        assert!(
            ["LOCK_LOST", "POSTGRES_UNAVAILABLE", "TOOL_FAILED"].contains(&error.reason.as_str()),
            "{stage:?}: {error:?}"
        );
        before.nothing_is_left(&site, &daemon).await;
    }
    daemon.stop().await;
}

#[tokio::test]
async fn all_sessions_ended_in_any_stage_fail_a_restore_of_the_live_database_which_stays() {
    sessions_ended_in_every_stage(Kind::Live).await;
}

#[tokio::test]
async fn all_sessions_ended_in_any_stage_fail_a_restore_beside() {
    sessions_ended_in_every_stage(Kind::Beside).await;
}

#[tokio::test]
async fn all_sessions_ended_in_any_stage_fail_a_drill() {
    sessions_ended_in_every_stage(Kind::Drill).await;
}
