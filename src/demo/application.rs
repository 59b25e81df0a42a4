//! The application of the demo: it knows nothing of pgsteward, has a role with DML only, and fills, damages and reads its
//! own database.

use tokio_postgres::Config;

use crate::{
    model::failure::{Failure, Kind},
    postgres::{error::PostgresError, session::Session},
};

const SEED: &str = include_str!("../../examples/shop/seed.sql");
const TIMEOUT: std::time::Duration = std::time::Duration::from_secs(5);

/// The application, which connects anew each time, as after a restart of its pool.
pub(super) struct Application {
    login: Config,
}

/// What the demo compares: if a row were lost or changed, the sums would differ.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Rows {
    pub(super) orders: i64,
    pub(super) items: i64,
    pub(super) quantity: i64,
}

impl Application {
    pub(super) fn new(url: &str) -> Result<Self, Failure> {
        let login = url.parse().map_err(|error: tokio_postgres::Error| {
            Failure::new(Kind::Internal, "EMBEDDED_URL", error.to_string())
        })?;
        Ok(Self { login })
    }

    async fn connect(&self) -> Result<Session, PostgresError> {
        Session::connect(&self.login, "shop", TIMEOUT).await
    }

    async fn run(&self, what: &str, sql: &str) -> Result<(), Failure> {
        let session = self.connect().await?;
        session
            .batch_execute(sql)
            .await
            .map_err(PostgresError::query(what))?;
        session.close().await;
        Ok(())
    }

    pub(super) async fn seed(&self) -> Result<(), Failure> {
        self.run("seed the shop", SEED).await
    }

    /// The mistake that everyone makes once.
    pub(super) async fn damage(&self) -> Result<(), Failure> {
        self.run(
            "damage the shop",
            "DELETE FROM orders WHERE state <> 'open'; UPDATE order_items SET quantity = 1",
        )
        .await
    }

    pub(super) async fn rows(&self) -> Result<Rows, Failure> {
        let session = self.connect().await?;
        let row = session
            .query_one(
                "SELECT (SELECT count(*) FROM orders), count(*), sum(quantity) FROM order_items",
                &[],
            )
            .await
            .map_err(PostgresError::query("count the shop's rows"))?;
        session.close().await;
        Ok(Rows {
            orders: row.get(0),
            items: row.get(1),
            quantity: row.get(2),
        })
    }

    /// What the application is told when it tries to come in; `None` when it is let in.
    pub(super) async fn refused(&self) -> Option<String> {
        match self.connect().await {
            Ok(session) => {
                session.close().await;
                None
            }
            Err(error) => Some(Failure::from(error).message),
        }
    }
}
