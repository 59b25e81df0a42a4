//! Credentials: the cluster's roles, their random passwords, and the URLs made of them.
//!
//! The passwords are written before the cluster is made, so that no kill can leave a cluster without them.

use std::{fs, io::ErrorKind, os::unix::ffi::OsStrExt, path::Path};

use rand::distr::{Alphanumeric, SampleString};
use secrecy::{ExposeSecret, SecretString};
use serde::{Deserialize, Serialize, Serializer};

use super::{
    error::EmbeddedError,
    layout::{Layout, replace_file},
};

const PASSWORD_LENGTH: usize = 32;

/// The roles that log in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Role {
    /// The superuser, for this folder alone.
    Superuser,
    /// The control store's owner.
    ControlOwner,
    /// Works with the control store's tables, and owns none.
    Control,
    Admin,
    Migrator,
    Backup,
    Maintenance,
    Application,
}

impl Role {
    /// Those that bootstrap makes.
    pub(super) const ALL_BUT_SUPERUSER: [Self; 7] = [
        Self::ControlOwner,
        Self::Control,
        Self::Admin,
        Self::Migrator,
        Self::Backup,
        Self::Maintenance,
        Self::Application,
    ];

    /// The role's name in PostgreSQL.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Superuser => "postgres",
            Self::ControlOwner => "pgsteward_owner",
            Self::Control => "pgsteward",
            Self::Admin => "app_admin",
            Self::Migrator => "app_migrator",
            Self::Backup => "app_backup",
            Self::Maintenance => "app_maintenance",
            Self::Application => "app",
        }
    }
}

/// A password. Made anew where there is none; written out by serde, and nowhere else.
#[derive(Deserialize)]
struct Password(SecretString);

impl Default for Password {
    fn default() -> Self {
        // The thread's generator is cryptographically secure; 32 of 62 characters are 190 bits.
        Self(
            Alphanumeric
                .sample_string(&mut rand::rng(), PASSWORD_LENGTH)
                .into(),
        )
    }
}

impl Serialize for Password {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.expose_secret().serialize(serializer)
    }
}

/// The password of every role. Its JSON maps role names to passwords; a role that an older file lacks gets a new one.
#[derive(Default, Deserialize, Serialize)]
#[serde(default)]
pub(super) struct Credentials {
    postgres: Password,
    pgsteward: Password,
    pgsteward_owner: Password,
    app_admin: Password,
    app_migrator: Password,
    app_backup: Password,
    app_maintenance: Password,
    app: Password,
}

impl Credentials {
    /// Reads the passwords, or makes them where there is no cluster yet.
    pub(super) fn load_or_create(layout: &Layout) -> Result<Self, EmbeddedError> {
        let path = &layout.credentials;
        let unreadable = |source| EmbeddedError::CredentialsUnreadable {
            path: path.clone(),
            source,
        };
        let stored = match fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == ErrorKind::NotFound && layout.cluster.exists() => {
                return Err(EmbeddedError::CredentialsLost { path: path.clone() });
            }
            Err(error) if error.kind() == ErrorKind::NotFound => "{}".to_owned(),
            Err(source) => return Err(EmbeddedError::file("read", path)(source)),
        };
        let credentials: Self = serde_json::from_str(&stored).map_err(unreadable)?;
        let text = serde_json::to_string_pretty(&credentials).map_err(unreadable)?;
        if text != stored {
            replace_file(path, &text, 0o600)?;
        }
        Ok(credentials)
    }

    pub(super) fn password(&self, role: Role) -> &SecretString {
        let password = match role {
            Role::Superuser => &self.postgres,
            Role::ControlOwner => &self.pgsteward_owner,
            Role::Control => &self.pgsteward,
            Role::Admin => &self.app_admin,
            Role::Migrator => &self.app_migrator,
            Role::Backup => &self.app_backup,
            Role::Maintenance => &self.app_maintenance,
            Role::Application => &self.app,
        };
        &password.0
    }

    /// A URL that tokio-postgres and libpq read alike. The socket's directory stands in the `host` parameter: libpq
    /// takes it in the URL's authority as well, tokio-postgres does not.
    pub(super) fn url(&self, role: Role, database: &str, socket_directory: &Path) -> SecretString {
        format!(
            "postgresql://{}:{}@/{}?host={}",
            percent_encoded(role.name().as_bytes()),
            percent_encoded(self.password(role).expose_secret().as_bytes()),
            percent_encoded(database.as_bytes()),
            percent_encoded(socket_directory.as_os_str().as_bytes()),
        )
        .into()
    }
}

/// All but the unreserved characters of RFC 3986 as `%XX`.
fn percent_encoded(bytes: &[u8]) -> String {
    bytes
        .iter()
        .map(|&byte| match byte {
            b'A'..=b'Z' | b'a'..=b'z' | b'0'..=b'9' | b'-' | b'.' | b'_' | b'~' => {
                char::from(byte).to_string()
            }
            _ => format!("%{byte:02X}"),
        })
        .collect()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::expect_used, clippy::panic)]

    use std::os::unix::fs::MetadataExt;

    use tokio_postgres::config::Host;

    use super::*;
    use crate::postgres::embedded::account::Account;

    fn layout(directory: &Path) -> Layout {
        let account = Account::select(None, &directory.join("absent")).unwrap();
        Layout::prepare(directory.to_owned(), &account).unwrap()
    }

    #[test]
    fn passwords_are_random_private_and_kept() {
        let root = tempfile::tempdir().unwrap();
        let layout = layout(root.path());

        let made = Credentials::load_or_create(&layout).unwrap();
        let read = Credentials::load_or_create(&layout).unwrap();

        let of =
            |credentials: &Credentials, role| credentials.password(role).expose_secret().to_owned();
        assert_eq!(of(&made, Role::Admin), of(&read, Role::Admin));
        assert_ne!(of(&made, Role::Admin), of(&made, Role::Application));
        assert_eq!(of(&made, Role::Admin).len(), PASSWORD_LENGTH);
        let file = fs::metadata(&layout.credentials).unwrap();
        assert_eq!(file.mode() & 0o777, 0o600);
    }

    #[test]
    fn a_role_that_an_older_file_lacks_gets_a_password_and_the_others_keep_theirs() {
        let root = tempfile::tempdir().unwrap();
        let layout = layout(root.path());
        fs::write(&layout.credentials, r#"{"postgres": "kept"}"#).unwrap();

        let credentials = Credentials::load_or_create(&layout).unwrap();

        let kept = credentials.password(Role::Superuser).expose_secret();
        assert_eq!(kept, "kept");
        assert!(
            fs::read_to_string(&layout.credentials)
                .unwrap()
                .contains("app_backup")
        );
    }

    #[test]
    fn lost_passwords_of_an_existing_cluster_are_not_replaced_by_new_ones() {
        let root = tempfile::tempdir().unwrap();
        let layout = layout(root.path());
        fs::create_dir(&layout.cluster).unwrap();

        let error = Credentials::load_or_create(&layout).err().unwrap();

        assert!(matches!(error, EmbeddedError::CredentialsLost { .. }));
        assert!(!layout.credentials.exists());
    }

    #[test]
    fn a_url_survives_any_socket_directory() {
        let directory = Path::new("/srv/a b/é&?#%/run");

        let url = Credentials::default().url(Role::Backup, "app", directory);

        let config: tokio_postgres::Config = url.expose_secret().parse().unwrap();
        assert_eq!(config.get_user(), Some("app_backup"));
        assert_eq!(config.get_dbname(), Some("app"));
        assert_eq!(config.get_hosts(), [Host::Unix(directory.to_owned())]);
    }
}
