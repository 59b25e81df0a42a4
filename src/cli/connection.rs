//! The one way to the daemon: where it is, with what credentials, how long to wait, and one client for each service.

use std::{io, io::Write, time::Duration};

use clap::Args;
use secrecy::{ExposeSecret, SecretString};
use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::{Channel, Endpoint, Uri},
};

use super::{
    error::CliError,
    page::{Page, Render},
};
use crate::{
    json::message_to_json,
    proto::{
        audit_service_client::AuditServiceClient, backup_service_client::BackupServiceClient,
        health_service_client::HealthServiceClient,
        maintenance_service_client::MaintenanceServiceClient,
        migration_service_client::MigrationServiceClient,
        operation_service_client::OperationServiceClient,
        restore_service_client::RestoreServiceClient,
        schedule_service_client::ScheduleServiceClient,
    },
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
/// Lists and plans with their SQL may be longer than tonic's 4 MiB.
const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

/// Where the daemon is and how to speak with it.
#[derive(Args, Clone, Debug)]
pub struct Connection {
    /// The daemon's address: `host:port` or `http://host:port`
    #[arg(
        long,
        global = true,
        env = "PGSTEWARD_ADDR",
        default_value = "http://127.0.0.1:7432",
        value_name = "ADDRESS",
        value_parser = parse_address,
        help_heading = "Client options"
    )]
    addr: Uri,
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
    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// Connects.
    pub(super) async fn open(&self) -> Result<Session, CliError> {
        let authorization = self.token.as_ref().map(authorization).transpose()?;
        let answer_timeout = self.timeout.unwrap_or(ANSWER_TIMEOUT);
        let channel = Endpoint::from(self.addr.clone())
            .connect_timeout(answer_timeout.min(CONNECT_TIMEOUT))
            .http2_keep_alive_interval(KEEP_ALIVE)
            .initial_stream_window_size(STREAM_WINDOW)
            .initial_connection_window_size(STREAM_WINDOW)
            .connect()
            .await
            .map_err(|source| CliError::Connect {
                address: self.addr.to_string(),
                source,
            })?;
        Ok(Session {
            channel,
            authorization,
            answer_timeout,
            operation_timeout: self.timeout,
            json: self.json,
        })
    }
}

/// Reads `host:port` or `http://host:port`.
fn parse_address(text: &str) -> Result<Uri, String> {
    let expected = "expected host:port or http://host:port";
    let address = match text.split_once("://") {
        Some(("http", address)) => address,
        Some((scheme, _)) => return Err(format!("{scheme}:// is not supported; {expected}")),
        None => text,
    };
    let uri: Uri = format!("http://{address}")
        .parse()
        .map_err(|_| expected.to_owned())?;
    let plain = uri.path() == "/" && uri.query().is_none() && !address.contains('@');
    match (uri.host(), uri.port_u16()) {
        (Some(host), Some(_)) if !host.is_empty() && plain => Ok(uri),
        _ => Err(expected.to_owned()),
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

/// An open connection, and where answers go.
#[derive(Debug)]
pub(super) struct Session {
    channel: Channel,
    authorization: Option<MetadataValue<Ascii>>,
    answer_timeout: Duration,
    operation_timeout: Option<Duration>,
    json: bool,
}

impl Session {
    /// The way to the daemon, for clients that are not listed here.
    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(super) fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn backups(&self) -> BackupServiceClient<Channel> {
        BackupServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn health(&self) -> HealthServiceClient<Channel> {
        HealthServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn maintenance(&self) -> MaintenanceServiceClient<Channel> {
        MaintenanceServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn migrations(&self) -> MigrationServiceClient<Channel> {
        MigrationServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn operations(&self) -> OperationServiceClient<Channel> {
        OperationServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn restores(&self) -> RestoreServiceClient<Channel> {
        RestoreServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn schedules(&self) -> ScheduleServiceClient<Channel> {
        ScheduleServiceClient::new(self.channel()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    /// A request with credentials that must be answered in time.
    pub(super) fn request<T>(&self, message: T) -> Request<T> {
        let mut request = self.stream_request(message);
        request.set_timeout(self.answer_timeout);
        request
    }

    /// A request with credentials whose answer may take as long as it takes.
    pub(super) fn stream_request<T>(&self, message: T) -> Request<T> {
        let mut request = Request::new(message);
        if let Some(authorization) = &self.authorization {
            request
                .metadata_mut()
                .insert("authorization", authorization.clone());
        }
        request
    }

    /// How long to wait for an answer.
    pub(super) fn answer_timeout(&self) -> Duration {
        self.answer_timeout
    }

    /// How long to follow an operation; none for as long as it takes.
    pub(super) fn operation_timeout(&self) -> Option<Duration> {
        self.operation_timeout
    }

    /// True when answers are to be JSON.
    pub(super) fn json(&self) -> bool {
        self.json
    }

    /// Shows an answer on standard output.
    pub(super) fn print<M>(&self, message: &M) -> Result<(), CliError>
    where
        M: prost::Message + prost::Name + Render,
    {
        if self.json {
            return print_json(message);
        }
        let mut page = Page::for_stdout();
        message.render(&mut page);
        write_out(&page.into_text())
    }
}

/// Writes a message as JSON on standard output.
pub(super) fn print_json<M>(message: &M) -> Result<(), CliError>
where
    M: prost::Message + prost::Name,
{
    write_out(&format!("{:#}\n", message_to_json(message)?))
}

/// Writes on standard output. That a reader has gone away, as `head` does, is no error.
pub(super) fn write_out(text: &str) -> Result<(), CliError> {
    let mut out = io::stdout().lock();
    match out.write_all(text.as_bytes()).and_then(|()| out.flush()) {
        Err(error) if error.kind() == io::ErrorKind::BrokenPipe => Ok(()),
        Err(source) => Err(CliError::Standard {
            stream: "output",
            source,
        }),
        Ok(()) => Ok(()),
    }
}

/// The part of an answer that must be there.
pub(super) fn present<T>(part: Option<T>, name: &'static str) -> Result<T, CliError> {
    part.ok_or(CliError::Incomplete(name))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn an_address_may_have_the_scheme_or_not() {
        for (given, expected) in [
            ("127.0.0.1:7432", "http://127.0.0.1:7432/"),
            ("http://db1:7432", "http://db1:7432/"),
            ("http://db1:7432/", "http://db1:7432/"),
            ("[::1]:7432", "http://[::1]:7432/"),
        ] {
            assert_eq!(parse_address(given).unwrap().to_string(), expected);
        }
    }

    #[test]
    fn an_address_without_a_port_or_with_more_than_host_and_port_is_refused() {
        for given in [
            "",
            "db1",
            "http://db1",
            ":7432",
            "https://db1:7432",
            "http://db1:7432/path",
            "user:secret@db1:7432",
            "db1:port",
        ] {
            assert!(parse_address(given).is_err(), "{given}");
        }
    }

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
