//! Where a daemon is: a host and port, with TLS or without, or a Unix socket.

use std::{fmt, path::PathBuf};

use tonic::transport::Uri;

const EXPECTED: &str =
    "expected host:port, http://host:port, https://host:port or unix:/path/of/the/socket";

/// Where a daemon is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Address {
    /// In the clear.
    Plain(Uri),
    /// With TLS.
    Tls(Uri),
    /// On this machine, by the path of its socket.
    Unix(PathBuf),
}

impl fmt::Display for Address {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Plain(uri) | Self::Tls(uri) => {
                formatter.write_str(uri.to_string().trim_end_matches('/'))
            }
            Self::Unix(path) => write!(formatter, "unix:{}", path.display()),
        }
    }
}

impl Address {
    /// Reads an address as it is typed.
    pub(super) fn parse(text: &str) -> Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix:") {
            let path = path.strip_prefix("//").unwrap_or(path);
            return if path.is_empty() {
                Err(EXPECTED.to_owned())
            } else {
                Ok(Self::Unix(PathBuf::from(path)))
            };
        }
        match text.split_once("://") {
            Some(("http", address)) => of_host("http", address).map(Self::Plain),
            Some(("https", address)) => of_host("https", address).map(Self::Tls),
            Some((scheme, _)) => Err(format!("{scheme}:// is not supported; {EXPECTED}")),
            None => of_host("http", text).map(Self::Plain),
        }
    }
}

fn of_host(scheme: &str, address: &str) -> Result<Uri, String> {
    let uri: Uri = format!("{scheme}://{address}")
        .parse()
        .map_err(|_| EXPECTED.to_owned())?;
    let plain = uri.path() == "/" && uri.query().is_none() && !address.contains('@');
    match (uri.host(), uri.port_u16()) {
        (Some(host), Some(_)) if !host.is_empty() && plain => Ok(uri),
        _ => Err(EXPECTED.to_owned()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_address_may_have_the_scheme_or_not() {
        for (given, expected) in [
            ("127.0.0.1:7432", "http://127.0.0.1:7432"),
            ("http://db1:7432", "http://db1:7432"),
            ("http://db1:7432/", "http://db1:7432"),
            ("[::1]:7432", "http://[::1]:7432"),
            ("https://db1:7432", "https://db1:7432"),
            ("unix:/run/pgsteward.sock", "unix:/run/pgsteward.sock"),
            ("unix:///run/pgsteward.sock", "unix:/run/pgsteward.sock"),
            ("unix:here.sock", "unix:here.sock"),
        ] {
            assert_eq!(Address::parse(given).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn an_address_without_a_port_or_with_more_than_host_and_port_is_refused() {
        for given in [
            "",
            "db1",
            "http://db1",
            "https://db1",
            ":7432",
            "ftp://db1:7432",
            "http://db1:7432/path",
            "user:secret@db1:7432",
            "db1:port",
            "unix:",
            "unix://",
        ] {
            assert!(Address::parse(given).is_err(), "{given}");
        }
    }
}
