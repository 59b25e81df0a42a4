//! The declared schema: SQL files in any order that say what the schema is to be. They are loaded into an empty scratch
//! database beside the one in which the chain of revisions is built, so that PostgreSQL says what both come to.
//!
//! `files` reads the directory and refuses what no scratch database can keep to itself; `load` runs the files.

mod files;
mod load;

use std::path::Path;

use futures_util::future::{join, try_join, try_join3};

use self::files::ModelFile;
use super::scratch::{Built, Chain, LiveGround, Scratch};
use crate::{
    model::failure::{Failure, Kind},
    ops::{
        daemon::{Daemon, Managed},
        runner::job::Job,
    },
    postgres::scratch,
};

/// The directory of the models, which must be configured.
pub(super) fn directory(managed: &Managed) -> Result<&Path, Failure> {
    managed.models.as_deref().ok_or_else(|| {
        let name = managed.name();
        Failure::new(
            Kind::FailedPrecondition,
            "NO_MODELS",
            format!("nothing declares the schema of database {name:?}"),
        )
        .with_hint(format!(
            "set migrations.models, or databases.{name}.models, to the directory of the SQL files that do"
        ))
    })
}

/// What the revisions make and what the models declare, side by side.
pub(super) struct Both<'a> {
    /// The chain, built.
    pub(super) chain: Built<'a>,
    /// The models, loaded.
    pub(super) models: Built<'a>,
}

impl Both<'_> {
    /// Drops both databases.
    pub(super) async fn drop(self) {
        Box::pin(join(self.chain.drop(), self.models.drop())).await;
    }
}

/// Builds both at the same time, on the same ground. What fails leaves databases to be swept with the operation.
pub(super) async fn build_both<'a>(
    daemon: &'a Daemon,
    managed: &'a Managed,
    job: &Job,
    chain: &Chain<'_>,
) -> Result<Both<'a>, Failure> {
    let files = files::read(directory(managed)?).await?;
    let (for_chain, for_models) = (
        scratch::rehearsal_name(job.id()),
        scratch::models_name(job.id()),
    );
    // Boxed, since all of it together is too much for a stack.
    let (live, for_chain, for_models) = Box::pin(try_join3(
        LiveGround::read(daemon, managed),
        Scratch::create(daemon, managed, job, &for_chain),
        Scratch::create(daemon, managed, job, &for_models),
    ))
    .await?;
    let (chain, models) = Box::pin(try_join(
        chain.build(daemon, managed, job, &live, for_chain),
        declared(managed, chain, &live, for_models, &files),
    ))
    .await?;
    Ok(Both { chain, models })
}

async fn declared<'a>(
    managed: &Managed,
    chain: &Chain<'_>,
    live: &LiveGround,
    scratch: Scratch<'a>,
    files: &[ModelFile],
) -> Result<Built<'a>, Failure> {
    let texts = files.iter().map(|file| file.text.as_str());
    let scratch = live.prepare(managed, chain, texts, scratch).await?;
    let loaded = async {
        let session = scratch.session("pgsteward models").await?;
        load::load(&session, files).await?;
        Ok(session)
    };
    match loaded.await {
        Ok(session) => Ok(Built { scratch, session }),
        Err(failure) => {
            scratch.drop().await;
            Err(failure)
        }
    }
}
