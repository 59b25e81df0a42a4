//! Databases that operations make beside a managed one: a restore builds its copy in one, a rehearsal runs its plan in one.
//! Each is noted as the operation's artifact before it is made, so that recovery sweeps it whatever happens.

use uuid::Uuid;

use super::daemon::{Daemon, Managed};
use crate::{
    model::failure::Failure,
    postgres::properties,
    state::artifacts::{Artifact, ArtifactKind},
};

/// Makes an empty database of that name like the managed one: same owner, encoding and locale. Only its owner may connect.
pub(super) async fn create(
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
    let session = managed.database.server_session("pgsteward scratch").await?;
    let properties = properties::read(&*session, managed.database.server_name()).await?;
    properties::create(&session, &properties, name).await?;
    session.close().await;
    Ok(artifact)
}
