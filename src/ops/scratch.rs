//! Databases that operations make beside a managed one: a restore builds its copy in one, a rehearsal runs its plan in one.
//! Each is noted as the operation's artifact before it is made, so that recovery sweeps it whatever happens.

use uuid::Uuid;

use super::daemon::{Daemon, Managed};
use crate::{
    model::{backup::Manifest, failure::Failure},
    postgres::{properties, scratch},
    state::artifacts::{Artifact, ArtifactKind},
};

/// Makes an empty database of that name like the managed one: same owner, encoding and locale. Only its owner may connect.
pub(super) async fn create(
    daemon: &Daemon,
    managed: &Managed,
    operation: Uuid,
    name: &str,
) -> Result<Artifact, Failure> {
    let artifact = noted(daemon, managed, operation, name).await?;
    let session = managed.database.server_session("pgsteward scratch").await?;
    properties::create_like(&session, managed.database.server_name(), name).await?;
    session.close().await;
    Ok(artifact)
}

/// Makes an empty database of that name for a backup: like the managed one where that stands on the server, else as the
/// backup says, or as the server makes them. Only its owner may connect.
pub(super) async fn create_for(
    daemon: &Daemon,
    managed: &Managed,
    operation: Uuid,
    name: &str,
    backup: &Manifest,
) -> Result<Artifact, Failure> {
    let session = managed.database.server_session("pgsteward scratch").await?;
    let model_stands = scratch::exists(&session, managed.database.server_name()).await?;
    if model_stands {
        session.close().await;
        return create(daemon, managed, operation, name).await;
    }
    let artifact = noted(daemon, managed, operation, name).await?;
    let like = backup.open_contents().map(|contents| &contents.database);
    scratch::create(&session, name, like).await?;
    session.close().await;
    Ok(artifact)
}

async fn noted(
    daemon: &Daemon,
    managed: &Managed,
    operation: Uuid,
    name: &str,
) -> Result<Artifact, Failure> {
    let artifact = Artifact {
        operation,
        kind: ArtifactKind::Database,
        database: managed.name().to_owned(),
        name: name.to_owned(),
    };
    daemon.store.note_artifact(&artifact).await?;
    Ok(artifact)
}
