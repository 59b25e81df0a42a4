//! An open connection: one client for each service, requests with credentials, and answers shown.

use std::{
    io::{self, Write},
    time::Duration,
};

use tonic::{
    Request,
    metadata::{Ascii, MetadataValue},
    transport::Channel,
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

/// Lists and plans with their SQL may be longer than tonic's 4 MiB.
const MESSAGE_LIMIT: usize = 64 * 1024 * 1024;

/// An open connection, and where answers go.
#[derive(Debug)]
pub(super) struct Session {
    /// The way to the daemon.
    pub(super) channel: Channel,
    /// `Bearer …`.
    pub(super) authorization: Option<MetadataValue<Ascii>>,
    /// How long to wait for an answer.
    pub(super) answer_timeout: Duration,
    /// How long to follow an operation; none for as long as it takes.
    pub(super) operation_timeout: Option<Duration>,
    /// True when answers are to be JSON.
    pub(super) json: bool,
}

impl Session {
    pub(super) fn audit(&self) -> AuditServiceClient<Channel> {
        AuditServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn backups(&self) -> BackupServiceClient<Channel> {
        BackupServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn health(&self) -> HealthServiceClient<Channel> {
        HealthServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn maintenance(&self) -> MaintenanceServiceClient<Channel> {
        MaintenanceServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn migrations(&self) -> MigrationServiceClient<Channel> {
        MigrationServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn operations(&self) -> OperationServiceClient<Channel> {
        OperationServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn restores(&self) -> RestoreServiceClient<Channel> {
        RestoreServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
    }

    pub(super) fn schedules(&self) -> ScheduleServiceClient<Channel> {
        ScheduleServiceClient::new(self.channel.clone()).max_decoding_message_size(MESSAGE_LIMIT)
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
