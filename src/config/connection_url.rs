//! A PostgreSQL connection URL that was checked once and cannot leak: whatever prints it, the password shows as `***`.
//!
//! tokio-postgres reads URLs loosely (a raw `@` in a password moves the rest of it into the host name), so the text is
//! first held to RFC 3986's rule for the user part. That is what makes the redacted form safe to show.

use std::{fmt, str::FromStr};

use secrecy::{ExposeSecret, SecretString};
use serde::{Serialize, Serializer};
use thiserror::Error;
use tokio_postgres::config::{Host, SslMode};

/// The parameters after `?` that have an effect here. TLS is not built in, so its parameters are not among them; a
/// password belongs in front of the `@`, so that there is only one place to hide.
const PARAMETERS: &[&str] = &[
    "application_name",
    "connect_timeout",
    "dbname",
    "host",
    "hostaddr",
    "keepalives",
    "keepalives_idle",
    "keepalives_interval",
    "keepalives_retries",
    "options",
    "port",
    "sslmode",
    "target_session_attrs",
    "tcp_user_timeout",
    "user",
];

/// Why a connection URL is refused. No message repeats any part of the URL.
#[derive(Debug, Error)]
pub enum UrlError {
    /// Another scheme, or no URL at all.
    #[error("it does not begin with postgresql:// or postgres://")]
    Scheme,
    /// A reserved character stands unescaped in the user name or password, or white space anywhere.
    #[error("it holds a character that must be percent-encoded")]
    Unescaped,
    /// A parameter after `?` that is not known or has no effect here.
    #[error("it has a parameter that is not supported")]
    Parameter,
    /// The URL asks for TLS.
    #[error("its sslmode asks for TLS, which this version does not offer to PostgreSQL")]
    Tls,
    /// tokio-postgres cannot read it.
    #[error("it cannot be parsed")]
    Malformed(#[source] tokio_postgres::Error),
    /// No user name.
    #[error("it names no user")]
    NoUser,
    /// No database name.
    #[error("it names no database")]
    NoDatabase,
    /// No host.
    #[error("it names no host")]
    NoHost,
    /// More than one host, address or port.
    #[error("it names more than one server")]
    ManyHosts,
}

impl UrlError {
    /// What to do about it.
    pub(super) fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Scheme | Self::NoUser | Self::NoDatabase => {
                Some("write it as postgresql://user:password@host:port/database")
            }
            Self::Unescaped => Some(
                "in a user name or password write @ as %40, / as %2F, ? as %3F and # as %23; anywhere a space as %20",
            ),
            Self::Parameter => Some(
                "supported are application_name, connect_timeout, dbname, host, hostaddr, keepalives and its kin, \
                 options, port, sslmode, target_session_attrs, tcp_user_timeout and user",
            ),
            Self::Tls => Some(
                "use sslmode=prefer or disable on a trusted network, a Unix socket (?host=/var/run/postgresql), \
                 or a local proxy that speaks TLS to the server",
            ),
            Self::NoHost => {
                Some("for a Unix socket write postgresql://user@/database?host=/var/run/postgresql")
            }
            Self::ManyHosts => Some("name the primary alone"),
            Self::Malformed(_) => None,
        }
    }
}

/// A URL that names one user, one server and one database. `Debug`, `Display` and `Serialize` hide the password.
#[derive(Clone)]
pub struct ConnectionUrl {
    text: SecretString,
    settings: Box<tokio_postgres::Config>,
}

impl ConnectionUrl {
    /// The URL with its password, for those who connect.
    pub fn expose_secret(&self) -> &str {
        self.text.expose_secret()
    }

    /// The parsed URL, password included (its own `Debug` hides it).
    pub fn settings(&self) -> &tokio_postgres::Config {
        &self.settings
    }

    /// The user's name.
    pub fn user(&self) -> &str {
        self.settings.get_user().unwrap_or_default()
    }

    /// The database's real name on its server.
    pub fn database(&self) -> &str {
        self.settings.get_dbname().unwrap_or_default()
    }

    /// The server as `host:port`, the host being a name, an address or a socket directory.
    pub fn server(&self) -> String {
        let host = match (self.settings.get_hosts(), self.settings.get_hostaddrs()) {
            ([Host::Tcp(name), ..], _) => name.clone(),
            ([Host::Unix(directory), ..], _) => directory.display().to_string(),
            ([], [address, ..]) => address.to_string(),
            ([], []) => String::new(),
        };
        let port = self.settings.get_ports().first().copied().unwrap_or(5432);
        format!("{host}:{port}")
    }

    /// Whether both name the same database of the same server, as far as the texts tell.
    pub fn same_database(&self, other: &Self) -> bool {
        self.server() == other.server() && self.database() == other.database()
    }

    /// The URL as it was written, with `***` for the password.
    pub fn redacted(&self) -> String {
        let text = self.text.expose_secret();
        let password = text.split_once("://").and_then(|(scheme, rest)| {
            let (user_part, place) = rest.split_once('@')?;
            let (user, _) = user_part.split_once(':')?;
            Some(format!("{scheme}://{user}:***@{place}"))
        });
        password.unwrap_or_else(|| text.to_owned())
    }
}

impl FromStr for ConnectionUrl {
    type Err = UrlError;

    fn from_str(text: &str) -> Result<Self, UrlError> {
        let rest = ["postgresql://", "postgres://"]
            .iter()
            .find_map(|scheme| text.strip_prefix(scheme))
            .ok_or(UrlError::Scheme)?;
        let (user_part, place) = rest.rsplit_once('@').unwrap_or(("", rest));
        let unprintable = |character: char| character.is_whitespace() || character.is_control();
        if user_part.contains(['@', '/', '?', '#']) || text.contains(unprintable) {
            return Err(UrlError::Unescaped);
        }
        check_parameters(place)?;
        let settings: tokio_postgres::Config = text.parse().map_err(UrlError::Malformed)?;
        check(&settings)?;
        Ok(Self {
            text: SecretString::from(text),
            settings: Box::new(settings),
        })
    }
}

/// Looks at the text after `?`: tokio-postgres would name an unknown parameter, and so repeat a piece of the text.
fn check_parameters(place: &str) -> Result<(), UrlError> {
    let parameters = place
        .split_once('?')
        .map_or("", |(_, parameters)| parameters);
    for parameter in parameters
        .split('&')
        .filter(|parameter| !parameter.is_empty())
    {
        let (name, value) = parameter.split_once('=').ok_or(UrlError::Parameter)?;
        if !PARAMETERS.contains(&name) {
            return Err(UrlError::Parameter);
        }
        if name == "sslmode" && matches!(value, "require" | "verify-ca" | "verify-full") {
            return Err(UrlError::Tls);
        }
    }
    Ok(())
}

fn check(settings: &tokio_postgres::Config) -> Result<(), UrlError> {
    let hosts = settings.get_hosts();
    let addresses = settings.get_hostaddrs().len();
    let named = hosts
        .iter()
        .all(|host| !matches!(host, Host::Tcp(name) if name.is_empty()));
    if settings.get_ssl_mode() == SslMode::Require {
        Err(UrlError::Tls)
    } else if settings.get_user().is_none_or(str::is_empty) {
        Err(UrlError::NoUser)
    } else if settings.get_dbname().is_none_or(str::is_empty) {
        Err(UrlError::NoDatabase)
    } else if hosts.len() > 1 || addresses > 1 || settings.get_ports().len() > 1 {
        Err(UrlError::ManyHosts)
    } else if addresses == 0 && (hosts.is_empty() || !named) {
        Err(UrlError::NoHost)
    } else {
        Ok(())
    }
}

impl fmt::Display for ConnectionUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.redacted())
    }
}

impl fmt::Debug for ConnectionUrl {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "ConnectionUrl({})", self.redacted())
    }
}

impl Serialize for ConnectionUrl {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, clippy::panic)]

    use super::*;
    use crate::model::failure::chain;

    fn url(text: &str) -> ConnectionUrl {
        text.parse().unwrap()
    }

    fn refusal(text: &str) -> UrlError {
        match text.parse::<ConnectionUrl>() {
            Ok(url) => panic!("{url} was accepted"),
            Err(error) => error,
        }
    }

    #[test]
    fn a_url_tells_its_user_server_and_database() {
        let url = url("postgresql://steward:secret@db.example.com:5433/app?sslmode=prefer");
        assert_eq!(url.user(), "steward");
        assert_eq!(url.server(), "db.example.com:5433");
        assert_eq!(url.database(), "app");
        assert_eq!(url.settings().get_password(), Some(b"secret".as_slice()));
    }

    #[test]
    fn a_url_for_a_unix_socket_tells_its_directory() {
        let url = url("postgres://steward@/app?host=/var/run/postgresql&port=5434");
        assert_eq!(url.server(), "/var/run/postgresql:5434");
    }

    #[test]
    fn the_port_defaults_to_5432_in_comparisons() {
        assert!(url("postgresql://a:x@h/app").same_database(&url("postgres://b@h:5432/app")));
        assert!(!url("postgresql://a:x@h/app").same_database(&url("postgresql://a:x@h:5433/app")));
        assert!(!url("postgresql://a:x@h/app").same_database(&url("postgresql://a:x@h/other")));
    }

    #[test]
    fn nothing_that_prints_a_url_shows_its_password() {
        let url = url("postgresql://steward:s3cr3t%40@h:5432/app?application_name=x");
        assert_eq!(
            url.to_string(),
            "postgresql://steward:***@h:5432/app?application_name=x"
        );
        assert_eq!(
            format!("{url:?}"),
            "ConnectionUrl(postgresql://steward:***@h:5432/app?application_name=x)"
        );
        assert_eq!(serde_json::to_string(&url).unwrap(), format!("\"{url}\""));
        assert!(url.expose_secret().contains("s3cr3t%40"));
    }

    #[test]
    fn the_redacted_form_is_a_url_again() {
        assert_eq!(
            url("postgresql://u:p@h/app")
                .redacted()
                .parse::<ConnectionUrl>()
                .unwrap()
                .user(),
            "u"
        );
        assert_eq!(
            url("postgresql://u@h/app").redacted(),
            "postgresql://u@h/app"
        );
    }

    #[test]
    fn raw_reserved_characters_in_a_password_are_refused_before_they_can_leak() {
        for text in [
            "postgresql://u:p@s3cr3t@h/app",
            "postgresql://u:p/s3cr3t@h/app",
            "postgresql://u:p@h/s3cr3t@h/app",
            "postgresql://u:p?s3cr3t=1@h/app",
            "postgresql://h/app?user=u&password=s3cr3t@x/y",
            "postgresql://u:s3cr3t @h/app",
            "postgresql://u:s3cr3t\n@h/app",
        ] {
            let error = refusal(text);
            assert!(matches!(error, UrlError::Unescaped), "{text}");
            assert!(!chain(&error).contains("s3cr3t"));
        }
    }

    #[test]
    fn unknown_parameters_are_refused_without_being_repeated() {
        for parameters in [
            "sslrootcert=s3cr3t",
            "s3cr3t=1",
            "s3cr3t",
            "password=s3cr3t",
            "passw%6frd=s3cr3t",
        ] {
            let error = refusal(&format!("postgresql://u:p@h/app?{parameters}"));
            assert!(matches!(error, UrlError::Parameter), "{parameters}");
            assert!(!format!("{} {error:?} {:?}", chain(&error), error.hint()).contains("s3cr3t"));
        }
    }

    #[test]
    fn a_demand_for_tls_is_refused_and_not_downgraded() {
        for mode in ["require", "verify-ca", "verify-full", "requir%65"] {
            let error = refusal(&format!("postgresql://u@h/app?sslmode={mode}"));
            assert!(matches!(error, UrlError::Tls), "{mode}");
        }
        for mode in ["disable", "prefer"] {
            assert_eq!(
                url(&format!("postgresql://u@h/app?sslmode={mode}")).user(),
                "u"
            );
        }
    }

    #[test]
    fn a_url_must_name_one_user_one_database_and_one_server() {
        assert!(matches!(refusal("postgresql://h/app"), UrlError::NoUser));
        assert!(matches!(refusal("postgresql://:x@h/app"), UrlError::NoUser));
        assert!(matches!(refusal("postgresql://u@h"), UrlError::NoDatabase));
        assert!(matches!(refusal("postgresql://u@h/"), UrlError::NoDatabase));
        assert!(matches!(refusal("postgresql://u@/app"), UrlError::NoHost));
        assert!(matches!(
            refusal("postgresql://u@:5432/app"),
            UrlError::NoHost
        ));
        assert!(matches!(
            refusal("postgresql://u@a,b/app"),
            UrlError::ManyHosts
        ));
        assert!(matches!(
            refusal("postgresql://u@a/app?host=b"),
            UrlError::ManyHosts
        ));
        assert!(matches!(
            refusal("postgresql://u@a:1/app?port=2"),
            UrlError::ManyHosts
        ));
    }

    #[test]
    fn other_texts_are_refused() {
        assert!(matches!(refusal(""), UrlError::Scheme));
        assert!(matches!(
            refusal("host=h user=u password=s3cr3t"),
            UrlError::Scheme
        ));
        assert!(matches!(
            refusal("mysql://u:s3cr3t@h/app"),
            UrlError::Scheme
        ));
        assert!(matches!(
            refusal("postgresql://u:p@h:s3cr3t/app"),
            UrlError::Malformed(_)
        ));
    }
}
