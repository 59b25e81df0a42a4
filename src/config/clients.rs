//! The roles that use a managed database besides the daemon: what they may is provisioned and checked.

use serde::Serialize;

use super::{ConfigError, build::list, settings::Settings, shown};
use crate::model::privileges::is_role_name;

/// The roles of a database's users.
#[derive(Clone, Debug, Default, Serialize)]
pub struct ClientRoles {
    /// Those that the application logs in with.
    #[serde(serialize_with = "shown::list")]
    pub application_roles: Vec<String>,
    /// Those that read rows only.
    #[serde(serialize_with = "shown::list")]
    pub read_only_roles: Vec<String>,
}

pub(super) fn clients(settings: &Settings, name: &str) -> Result<ClientRoles, ConfigError> {
    let roles = |key: &str| {
        let path = format!("databases.{name}.{key}");
        let roles = list(settings, &path);
        match roles.iter().find(|role| !is_role_name(role)) {
            Some(role) => Err(settings.refuse(
                &path,
                format!("holds {role:?}, which can be no role's name: 1 to 63 bytes, not public, not pg_…"),
            )),
            None => Ok(roles),
        }
    };
    Ok(ClientRoles {
        application_roles: roles("application_roles")?,
        read_only_roles: roles("read_only_roles")?,
    })
}
