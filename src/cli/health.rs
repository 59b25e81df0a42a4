//! `pgsteward health`: a probe through grpc.health.v1, for containers and load balancers.
//!
//! It ends as `grpc_health_probe` does (<https://github.com/grpc-ecosystem/grpc-health-probe>), so that either can stand
//! in a probe's place.

use clap::Args;
use serde_json::json;
use tonic_health::pb::{
    HealthCheckRequest, health_check_response::ServingStatus, health_client::HealthClient,
};

use super::{
    connection::Connection, error::CliError, exit::Exit, report::report, session::write_out,
};

const SERVING: Exit = Exit::SUCCESS;
const INVALID_ARGUMENTS: Exit = Exit::other(1);
const NO_CONNECTION: Exit = Exit::other(2);
const CALL_FAILED: Exit = Exit::other(3);
const NOT_SERVING: Exit = Exit::other(4);

/// Arguments of `health`.
#[derive(Args, Clone, Debug)]
pub struct HealthArgs {
    /// `liveness`, `readiness`, `database/<name>` or a service's full name [default: the process]
    #[arg(
        long,
        value_name = "SERVICE",
        default_value = "",
        hide_default_value = true
    )]
    service: String,
}

impl HealthArgs {
    pub(super) async fn run(self, connection: &Connection) -> Exit {
        match self.probe(connection).await {
            Ok(exit) => exit,
            Err(error) => {
                report(&error, connection.json());
                probe_exit(&error)
            }
        }
    }

    async fn probe(self, connection: &Connection) -> Result<Exit, CliError> {
        let session = connection.open().await?;
        let request = session.request(HealthCheckRequest {
            service: self.service,
        });
        let response = HealthClient::new(session.channel.clone())
            .check(request)
            .await?;
        let status = response.into_inner().status();
        write_out(&if connection.json() {
            format!("{}\n", json!({ "status": status.as_str_name() }))
        } else {
            format!("{}\n", status.as_str_name())
        })?;
        Ok(if status == ServingStatus::Serving {
            SERVING
        } else {
            NOT_SERVING
        })
    }
}

fn probe_exit(error: &CliError) -> Exit {
    match error.exit() {
        Exit::USAGE => INVALID_ARGUMENTS,
        Exit::UNREACHABLE => NO_CONNECTION,
        _ => CALL_FAILED,
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[test]
    fn errors_have_the_codes_of_grpc_health_probe() {
        let exit = |error: CliError| probe_exit(&error).code();
        assert_eq!(exit(CliError::Usage(String::new())), 1);
        assert_eq!(exit(Status::unavailable("").into()), 2);
        assert_eq!(exit(Status::not_found("").into()), 3);
        assert_eq!(NOT_SERVING.code(), 4);
    }
}
