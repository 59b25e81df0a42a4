//! `pgsteward status`: `HealthService`.

use clap::Args;

use super::{
    error::CliError,
    exit::Exit,
    session::{Session, present},
};
use crate::proto::{CheckDatabaseRequest, DatabaseHealth, DatabaseState, GetStatusRequest};

/// Arguments of `status`.
#[derive(Args, Clone, Debug)]
pub struct StatusArgs {
    /// Ask this database now, connection by connection, rather than show what the daemon last saw of all
    #[arg(short, long, value_name = "NAME")]
    database: Option<String>,
}

impl StatusArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let good = if let Some(database) = self.database {
            let request = session.request(CheckDatabaseRequest { database });
            let response = session.health().check_database(request).await?;
            let health = present(response.into_inner().health, "health")?;
            session.print(&health)?;
            is_good(&health)
        } else {
            let request = session.request(GetStatusRequest {});
            let status = session.health().get_status(request).await?.into_inner();
            session.print(&status)?;
            status.control_store_reachable
                && status.message.is_empty()
                && status.databases.iter().all(is_good)
        };
        Ok(Exit::holds(good))
    }
}

/// Maintenance mode is a state that someone chose.
fn is_good(health: &DatabaseHealth) -> bool {
    matches!(
        health.state(),
        DatabaseState::Healthy | DatabaseState::Maintenance
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_database_that_can_be_reached_is_good() {
        let with = |state: DatabaseState| DatabaseHealth {
            state: state.into(),
            ..DatabaseHealth::default()
        };
        assert!(is_good(&with(DatabaseState::Healthy)));
        assert!(is_good(&with(DatabaseState::Maintenance)));
        assert!(!is_good(&with(DatabaseState::Unreachable)));
        assert!(!is_good(&with(DatabaseState::Unspecified)));
    }
}
