//! Scratch databases of migrations: a copy of the live schema without rows, in which a plan is rehearsed, or an empty
//! database, in which the chain of revisions is built or the declared schema is loaded. They stand beside the live one
//! for as long as one operation needs them; recovery sweeps what is left.
//!
//! The schema is loaded by the admin role over a connection of its own, statement by statement: no psql, whose commands a
//! dump could hold. The scripts run as the migrator role, as they do on the live database.

mod build;
mod ground;

use tokio::io::AsyncReadExt as _;
use tokio_postgres::Config;

pub(super) use self::{
    build::{Built, Chain, build, build_one},
    ground::LiveGround,
};

use super::version;
use crate::{
    model::{
        failure::{Failure, Kind},
        schema_dump,
    },
    ops::{
        daemon::{Daemon, Managed},
        recovery,
        runner::job::Job,
        scratch as beside,
    },
    postgres::{database::Purpose, error::PostgresError, scratch, session::Session},
    state::artifacts::Artifact,
    tools::{
        pg_dump::{self, SchemaPart},
        process::ToolError,
    },
};

/// How many statements of a dump are sent at once, as one transaction: fewer locks than one for all, fewer commits than
/// one for each.
const BATCH: usize = 200;

/// A database of the operation's own. [`Scratch::drop`] ends it; one that is just let go is swept with the operation.
pub(super) struct Scratch<'a> {
    daemon: &'a Daemon,
    managed: &'a Managed,
    artifact: Artifact,
    /// The migrator's login in it, with the settings of the live database.
    login: Config,
}

impl<'a> Scratch<'a> {
    /// The live schema, without rows but for those of the version table. Left out is what only a superuser could make
    /// and nothing rests on.
    pub(super) async fn copy(
        daemon: &'a Daemon,
        managed: &'a Managed,
        job: &Job,
    ) -> Result<Self, Failure> {
        let name = scratch::rehearsal_name(job.id());
        let scratch = Self::create(daemon, managed, job, &name).await?;
        let copied = async {
            job.say("copies the schema");
            let live = managed
                .database
                .session(Purpose::Admin, "pgsteward copy")
                .await?;
            let left_out = scratch::not_copied(&live).await?;
            live.close().await;
            if !left_out.is_empty() {
                tracing::info!(
                    ?left_out,
                    "a scratch copy goes without what only a superuser makes"
                );
            }
            let dump = dump(daemon, managed, SchemaPart::Whole).await?;
            scratch
                .load(&schema_dump::all_but(&dump, &left_out)?)
                .await?;
            let heads = version::database_heads(managed).await?;
            if !heads.is_empty() {
                let session = scratch.session("pgsteward copy").await?;
                managed
                    .version_table
                    .replace(&*session, &[], &heads)
                    .await?;
                session.close().await;
            }
            Ok(())
        };
        let copied = copied.await;
        scratch.or_dropped(copied).await
    }

    /// An empty database of this name, with nothing of the live one but its owner and who may do what in it.
    pub(super) async fn create(
        daemon: &'a Daemon,
        managed: &'a Managed,
        job: &Job,
        name: &str,
    ) -> Result<Self, Failure> {
        let created = async {
            let live = managed
                .database
                .session(Purpose::Migrator, "pgsteward copy")
                .await?;
            let login = managed.database.login(Purpose::Migrator);
            let login = scratch::login_with_settings(&live, login, name).await?;
            live.close().await;
            let artifact = beside::create(daemon, managed, job.id(), name).await?;
            Ok(Self {
                daemon,
                managed,
                artifact,
                login,
            })
        };
        let scratch = created
            .await
            .map_err(|failure| unavailable(managed, failure))?;
        let granted = async {
            let server = managed.database.server_session("pgsteward scratch").await?;
            let (live, guest) = (
                managed.database.server_name(),
                scratch.login.get_user().unwrap_or_default(),
            );
            scratch::grant_like(&server, live, name, guest).await?;
            server.close().await;
            Ok(())
        };
        let granted = granted.await;
        scratch.or_dropped(granted).await
    }

    /// Itself where all went well; else it is dropped, and the failure says that there is no scratch database to be had.
    async fn or_dropped(self, made: Result<(), Failure>) -> Result<Self, Failure> {
        let Err(failure) = made else {
            return Ok(self);
        };
        let failure = unavailable(self.managed, failure);
        self.drop().await;
        Err(failure)
    }

    /// A connection of the migrator role to it.
    pub(super) async fn session(&self, application_name: &str) -> Result<Session, Failure> {
        let database = &self.managed.database;
        Ok(database.session_as(&self.login, application_name).await?)
    }

    /// A connection of the admin role to it.
    pub(super) async fn admin_session(&self, application_name: &str) -> Result<Session, Failure> {
        let database = &self.managed.database;
        Ok(database
            .session_to(&self.artifact.name, application_name)
            .await?)
    }

    /// Drops it. Where that fails it stays noted, and recovery tries again.
    pub(super) async fn drop(self) {
        if let Err(failure) = recovery::sweep(self.daemon, &self.artifact).await {
            tracing::warn!(database = self.artifact.name, %failure, "a scratch database could not be dropped yet");
        }
    }

    async fn load(&self, statements: &[String]) -> Result<(), Failure> {
        let session = self.admin_session("pgsteward copy").await?;
        session
            .batch_execute("SET synchronous_commit = off")
            .await
            .map_err(PostgresError::query("load the schema"))?;
        for batch in statements.chunks(BATCH) {
            session
                .batch_execute(&batch.join(";\n"))
                .await
                .map_err(PostgresError::query("load the schema"))?;
        }
        session.close().await;
        Ok(())
    }
}

/// pg_dump's text. Its locks on the live tables are gone before anything is done with it.
pub(super) async fn dump(
    daemon: &Daemon,
    managed: &Managed,
    part: SchemaPart<'_>,
) -> Result<String, Failure> {
    let program = daemon.tools.path("pg_dump");
    let login = managed.database.login(Purpose::Backup);
    let lock_wait = daemon.settings.migrations.limits.lock;
    let mut tool = pg_dump::schema(&program, login, lock_wait, part)?;
    let mut text = Vec::new();
    let read = tool.stdout()?.read_to_end(&mut text).await;
    tool.finish().await?;
    read.map_err(|source| ToolError::Pipe {
        tool: "pg_dump",
        source,
    })?;
    String::from_utf8(text).map_err(|error| {
        Failure::new(
            Kind::FailedPrecondition,
            "SCHEMA_NOT_UTF8",
            format!("the schema holds names or texts that are no UTF-8: {error}"),
        )
    })
}

/// The failure to make a scratch database, as the one reason that callers go by. What has to do with the server or the
/// control store alone stays as it is.
fn unavailable(managed: &Managed, failure: Failure) -> Failure {
    if !matches!(
        failure.kind,
        Kind::FailedPrecondition | Kind::Internal | Kind::AlreadyExists
    ) {
        return failure;
    }
    Failure::new(
        Kind::FailedPrecondition,
        "REHEARSAL_UNAVAILABLE",
        format!(
            "no scratch database can be made beside database {:?}: {}",
            managed.name(),
            failure.message
        ),
    )
    .with_hint(
        "the admin role needs CREATEDB and membership in every role that owns or grants something in the database; \
         without that, set migrations.rehearse = false",
    )
}
