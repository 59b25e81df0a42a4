//! The errors of talking to PostgreSQL, classified by SQLSTATE.

use std::time::Duration;

use tokio_postgres::error::{DbError, SqlState};

use crate::model::failure::{Classified, Kind};

/// A failed connection or query.
#[derive(Debug, thiserror::Error)]
pub enum PostgresError {
    /// No connection could be made.
    #[error("cannot connect to {target}")]
    Connect {
        /// `database "app" as "app_admin"`, without secrets.
        target: String,
        /// The cause.
        source: ServerError,
    },
    /// No socket could be opened.
    #[error("cannot connect to {target}")]
    Socket {
        /// As in `Connect`.
        target: String,
        /// The cause.
        source: std::io::Error,
    },
    /// No connection could be made, or had from a pool, in time.
    #[error("no connection to {target} within {}", humantime::format_duration(*.after))]
    ConnectTimeout {
        /// As in `Connect`.
        target: String,
        /// The bound.
        after: Duration,
    },
    /// A statement failed.
    #[error("cannot {what}")]
    Query {
        /// What the statement was for, e.g. `read the version table`.
        what: String,
        /// The cause.
        source: ServerError,
    },
    /// The server did not answer in time.
    #[error("cannot {what}: no answer within {}", humantime::format_duration(*.after))]
    QueryTimeout {
        /// What the statement was for.
        what: String,
        /// The bound.
        after: Duration,
    },
    /// Others hold a lock that is needed.
    #[error("cannot {what}: {detail}")]
    Locked {
        /// What was to be locked, and for what.
        what: String,
        /// Who holds it.
        detail: String,
    },
    /// A stored value is not what this version of the daemon writes.
    #[error("cannot {what}: {detail}")]
    Unexpected {
        /// What was read.
        what: String,
        /// What is wrong with it.
        detail: String,
    },
}

/// Why a query has no result.
#[derive(Debug)]
pub enum QueryError {
    /// The server or the connection says so.
    Server(tokio_postgres::Error),
    /// There was no answer for so long.
    NoAnswer(Duration),
}

impl From<tokio_postgres::Error> for QueryError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self::Server(error)
    }
}

/// tokio-postgres shows only "db error": this shows message, SQLSTATE, detail, hint and position.
#[derive(Debug)]
pub struct ServerError(tokio_postgres::Error);

impl std::fmt::Display for ServerError {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Some(error) = self.0.as_db_error() else {
            return formatter.write_str(&crate::model::failure::chain(&self.0));
        };
        write!(
            formatter,
            "{} (SQLSTATE {})",
            error.message(),
            error.code().code()
        )?;
        for (name, text) in [
            ("detail", error.detail()),
            ("hint", error.hint()),
            ("context", error.where_().map(without_row)),
        ] {
            if let Some(text) = text {
                write!(formatter, "; {name}: {text}")?;
            }
        }
        Ok(())
    }
}

/// COPY's context ends with the row that it stood at: other people's data, which is for no log.
fn without_row(context: &str) -> &str {
    if context.starts_with("COPY ") {
        return context.split(": \"").next().unwrap_or(context);
    }
    context
}

impl std::error::Error for ServerError {}

impl ServerError {
    fn is_of_connection(&self) -> bool {
        let mut cause = std::error::Error::source(&self.0);
        while let Some(error) = cause {
            if error.is::<std::io::Error>() {
                return true;
            }
            cause = error.source();
        }
        self.0.is_closed()
    }
}

impl From<tokio_postgres::Error> for ServerError {
    fn from(error: tokio_postgres::Error) -> Self {
        Self(error)
    }
}

impl PostgresError {
    /// For `map_err` on a query: `what` completes "cannot …".
    pub fn query<E: Into<QueryError>>(what: impl Into<String>) -> impl FnOnce(E) -> Self {
        move |error| match error.into() {
            QueryError::Server(source) => Self::Query {
                what: what.into(),
                source: source.into(),
            },
            QueryError::NoAnswer(after) => Self::QueryTimeout {
                what: what.into(),
                after,
            },
        }
    }

    /// The server's own report, when the error came from the server.
    pub fn server_report(&self) -> Option<&DbError> {
        match self {
            Self::Connect { source, .. } | Self::Query { source, .. } => source.0.as_db_error(),
            _ => None,
        }
    }

    /// Whether the server reported this SQLSTATE.
    pub fn is(&self, state: &SqlState) -> bool {
        self.server_report()
            .is_some_and(|error| error.code() == state)
    }
}

impl Classified for PostgresError {
    fn kind(&self) -> Kind {
        let Some(report) = self.server_report() else {
            return match self {
                Self::Unexpected { .. } => Kind::Internal,
                Self::Locked { .. } => Kind::Aborted,
                // A value that could not be sent or read is a defect of ours, not of the connection.
                Self::Query { source, .. } if !source.is_of_connection() => Kind::Internal,
                _ => Kind::Unavailable,
            };
        };
        let state = report.code();
        match *state {
            SqlState::INSUFFICIENT_PRIVILEGE
            | SqlState::INVALID_PASSWORD
            | SqlState::INVALID_AUTHORIZATION_SPECIFICATION
            | SqlState::UNDEFINED_DATABASE => Kind::FailedPrecondition,
            SqlState::LOCK_NOT_AVAILABLE | SqlState::OBJECT_IN_USE => Kind::Aborted,
            SqlState::QUERY_CANCELED => Kind::DeadlineExceeded,
            SqlState::ADMIN_SHUTDOWN | SqlState::CRASH_SHUTDOWN | SqlState::CANNOT_CONNECT_NOW => {
                Kind::Unavailable
            }
            _ => match &state.code()[..2] {
                "08" => Kind::Unavailable,
                "40" => Kind::Aborted,
                "53" => Kind::ResourceExhausted,
                _ => Kind::Internal,
            },
        }
    }

    fn reason(&self) -> &'static str {
        match self.kind() {
            Kind::FailedPrecondition if self.is(&SqlState::INSUFFICIENT_PRIVILEGE) => {
                "INSUFFICIENT_PRIVILEGE"
            }
            Kind::FailedPrecondition if self.is(&SqlState::UNDEFINED_DATABASE) => {
                "DATABASE_MISSING"
            }
            Kind::FailedPrecondition => "LOGIN_REFUSED",
            Kind::Unavailable => "POSTGRES_UNAVAILABLE",
            Kind::ResourceExhausted => "POSTGRES_RESOURCES",
            Kind::Aborted => "POSTGRES_BUSY",
            Kind::DeadlineExceeded => "STATEMENT_TIMEOUT",
            _ => "POSTGRES_ERROR",
        }
    }

    fn hint(&self) -> Option<String> {
        let advice = match self.reason() {
            "INSUFFICIENT_PRIVILEGE" => {
                "grant the role named in the connection URL what the message names"
            }
            "DATABASE_MISSING" => "create the database, or correct its name in the configuration",
            "LOGIN_REFUSED" => "check role and password of the connection URL and pg_hba.conf",
            "POSTGRES_UNAVAILABLE" => "check that the server runs and can be reached",
            "POSTGRES_BUSY" => "wait for the session that is named, or end it, then try again",
            "POSTGRES_RESOURCES" => "free disk space or connections on the server",
            _ => return None,
        };
        Some(advice.to_owned())
    }

    fn retry_after(&self) -> Option<Duration> {
        matches!(self.kind(), Kind::Unavailable | Kind::Aborted).then(|| Duration::from_secs(5))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_context_of_a_copy_names_the_line_and_not_what_is_in_it() {
        assert_eq!(
            without_row("COPY orders, line 7, column id: \"somebody's secret\""),
            "COPY orders, line 7, column id"
        );
        assert_eq!(without_row("SQL function \"f\""), "SQL function \"f\"");
    }
}
