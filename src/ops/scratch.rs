//! Databases that operations make beside a managed one: a restore builds its copy in one, a rehearsal runs its plan in one.
//! Each is noted as the operation's artifact before it is made, so that recovery sweeps it whatever happens.

use uuid::Uuid;

use super::{
    backup::open,
    daemon::{Daemon, Managed},
};
use crate::{
    model::{
        backup::{DatabaseProperties, Manifest},
        failure::Failure,
    },
    postgres::{database::Purpose, properties, scratch, session::Session},
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
    let properties = properties::read(&*session, managed.database.server_name()).await?;
    properties::create(&session, &properties, name).await?;
    session.close().await;
    Ok(artifact)
}

/// Makes an empty database of that name for a backup: with the encoding and locale that the backup tells of, the owner of
/// the managed database where that stands, and what roles may do in either. Only its owner and the backup role may connect.
pub(super) async fn create_for(
    daemon: &Daemon,
    managed: &Managed,
    operation: Uuid,
    name: &str,
    backup: &Manifest,
) -> Result<Artifact, Failure> {
    let session = managed.database.server_session("pgsteward scratch").await?;
    let live = managed.database.server_name();
    let live_stands = scratch::exists(&session, live).await?;
    let stored = open::contents(daemon, backup)?.map(|contents| contents.database);
    let properties = match (live_stands, stored) {
        (true, stored) => like(properties::read(&*session, live).await?, stored),
        (false, Some(stored)) => stored,
        (false, None) => properties::read(&*session, "template0").await?,
    };
    let properties = properties::that_fits(&session, properties).await?;
    let artifact = noted(daemon, managed, operation, name).await?;
    properties::create(&session, &properties, name).await?;
    let guest = managed.database.login(Purpose::Backup).get_user();
    let guest = guest.unwrap_or_default();
    let granted = let_work(&session, &properties, name, guest).await;
    session.close().await;
    granted?;
    Ok(artifact)
}

/// The live database's owner and grants with the backup's encoding and locale: its rows may fit no other.
fn like(live: DatabaseProperties, stored: Option<DatabaseProperties>) -> DatabaseProperties {
    match stored {
        None => live,
        Some(stored) => DatabaseProperties {
            owner: live.owner,
            tablespace: live.tablespace,
            connection_limit: live.connection_limit,
            comment: live.comment,
            settings: live.settings,
            grants: live.grants,
            ..stored
        },
    }
}

/// A dump gives objects to roles that must be able to make such objects: publications, schemas.
async fn let_work(
    session: &Session,
    properties: &DatabaseProperties,
    name: &str,
    guest: &str,
) -> Result<(), Failure> {
    for grant in &properties.grants {
        if grant.privilege != "CONNECT" {
            scratch::grant(session, name, &grant.privilege, grant.grantee.as_deref()).await?;
        }
    }
    scratch::grant(session, name, "CONNECT", Some(guest)).await?;
    Ok(())
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
