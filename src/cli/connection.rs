//! Where the daemon is, with what credentials to speak, and how long to wait: the options of every client command.

use std::{path::PathBuf, time::Duration};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use tonic::metadata::{Ascii, MetadataValue};

use super::{
    address::Address,
    error::CliError,
    session::Session,
    transport::{self, TlsOptions},
};

/// How long an answer may take that is no operation, unless `--timeout` says otherwise.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(30);
/// The longest wait for a connection.
const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);
/// A connection that says nothing for this long is asked whether it lives, so that a dead one is noticed while an
/// operation is followed.
const KEEP_ALIVE: Duration = Duration::from_secs(20);
/// HTTP/2's own 64 KiB windows would hold a far client to a few MB/s.
const STREAM_WINDOW: u32 = 4 * 1024 * 1024;

/// Where the daemon is and how to speak with it.
#[derive(Args, Clone, Debug)]
pub struct Connection {
    /// The daemon's address: `host:port`, `https://host:port` or `unix:/path`
    #[arg(
        long,
        global = true,
        env = "PGSTEWARD_ADDR",
        default_value = "http://127.0.0.1:7432",
        value_name = "ADDRESS",
        value_parser = Address::parse,
        help_heading = "Client options"
    )]
    addr: Address,
    /// The certificates to trust, in PEM, in place of the system's
    #[arg(
        long,
        global = true,
        env = "PGSTEWARD_CA",
        value_name = "FILE",
        help_heading = "Client options"
    )]
    ca: Option<PathBuf>,
    /// The certificate to show to the daemon, in PEM
    #[arg(
        long,
        global = true,
        env = "PGSTEWARD_CERT",
        value_name = "FILE",
        help_heading = "Client options"
    )]
    cert: Option<PathBuf>,
    /// The private key of that certificate, in PEM
    #[arg(
        long,
        global = true,
        env = "PGSTEWARD_KEY",
        value_name = "FILE",
        help_heading = "Client options"
    )]
    key: Option<PathBuf>,
    /// The name that the daemon's certificate must have, where it is not the address's host
    #[arg(
        long,
        global = true,
        env = "PGSTEWARD_SERVER_NAME",
        value_name = "NAME",
        help_heading = "Client options"
    )]
    server_name: Option<String>,
    /// The bearer token; rather set the environment variable, since others can see command lines
    #[arg(
        long,
        global = true,
        env = "PGSTEWARD_TOKEN",
        hide_env_values = true,
        value_name = "TOKEN",
        help_heading = "Client options"
    )]
    token: Option<SecretString>,
    /// Print the answer as JSON
    #[arg(long, global = true, help_heading = "Client options")]
    json: bool,
    /// The longest wait, e.g. `90s` or `2h` [default: 30s for an answer, none for an operation]
    #[arg(
        long,
        global = true,
        value_name = "DURATION",
        value_parser = humantime::parse_duration,
        help_heading = "Client options"
    )]
    timeout: Option<Duration>,
}

impl Connection {
    /// True when the answer, and any error, is to be JSON.
    pub fn json(&self) -> bool {
        self.json
    }

    /// Connects.
    pub(super) async fn open(&self) -> Result<Session, CliError> {
        let authorization = self.token.as_ref().map(authorization).transpose()?;
        let answer_timeout = self.timeout.unwrap_or(ANSWER_TIMEOUT);
        let tls = TlsOptions {
            ca: self.ca.clone(),
            certificate: self.cert.clone(),
            key: self.key.clone(),
            server_name: self.server_name.clone(),
        };
        let channel = transport::connect(&self.addr, &tls, |endpoint| {
            endpoint
                .connect_timeout(answer_timeout.min(CONNECT_TIMEOUT))
                .http2_keep_alive_interval(KEEP_ALIVE)
                .initial_stream_window_size(STREAM_WINDOW)
                .initial_connection_window_size(STREAM_WINDOW)
        })
        .await?;
        Ok(Session {
            channel,
            authorization,
            answer_timeout,
            operation_timeout: self.timeout,
            json: self.json,
        })
    }
}

fn authorization(token: &SecretString) -> Result<MetadataValue<Ascii>, CliError> {
    let mut value: MetadataValue<Ascii> = format!("Bearer {}", token.expose_secret())
        .parse()
        .map_err(|_| {
            CliError::Usage("the token has characters that cannot be sent in a header".to_owned())
        })?;
    value.set_sensitive(true);
    Ok(value)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn a_token_that_no_header_can_hold_is_refused_without_being_shown() {
        let error = authorization(&SecretString::from("sesame\n")).unwrap_err();
        assert!(!format!("{error} {error:?}").contains("sesame"));
    }

    #[test]
    fn a_token_is_never_in_debug_output() {
        let value = authorization(&SecretString::from("sesame")).unwrap();
        assert!(!format!("{value:?}").contains("sesame"), "{value:?}");
    }
}
