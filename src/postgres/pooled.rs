//! Pooled: a connection taken from a pool for short queries, none of which waits for ever.
//!
//! A server that stands still (stopped, or behind a network that takes everything and gives nothing) ends no query by its
//! own `statement_timeout`. So each query has a bound on this side too, a little longer than the server's. A connection that
//! was given up on does not answer the pool's check either, and is replaced when it is next taken.

use std::{
    future::Future,
    ops::{Deref, DerefMut},
    time::Duration,
};

use deadpool_postgres::Object;
use tokio_postgres::{Client, Row, SimpleQueryMessage, Statement, ToStatement, types::ToSql};

use super::error::QueryError;

/// What the server may take longer than its own limit before it is taken for stuck.
const MARGIN: Duration = Duration::from_secs(5);

/// A pooled connection. Its own methods are bounded; what is called through the client that it holds is not, and needs a bound
/// of its own.
pub struct Pooled {
    object: Object,
    patience: Option<Duration>,
}

type Parameters<'a> = &'a [&'a (dyn ToSql + Sync)];

impl Pooled {
    /// Takes over a connection whose server ends statements after `statement_timeout`; zero for never.
    pub(super) fn new(object: Object, statement_timeout: Duration) -> Self {
        Self {
            object,
            patience: (!statement_timeout.is_zero()).then(|| statement_timeout + MARGIN),
        }
    }

    /// See [`Client::query`].
    pub async fn query<T>(
        &self,
        statement: &T,
        values: Parameters<'_>,
    ) -> Result<Vec<Row>, QueryError>
    where
        T: ?Sized + ToStatement,
    {
        self.ask((**self).query(statement, values)).await
    }

    /// See [`Client::query_one`].
    pub async fn query_one<T>(
        &self,
        statement: &T,
        values: Parameters<'_>,
    ) -> Result<Row, QueryError>
    where
        T: ?Sized + ToStatement,
    {
        self.ask((**self).query_one(statement, values)).await
    }

    /// See [`Client::query_opt`].
    pub async fn query_opt<T>(
        &self,
        statement: &T,
        values: Parameters<'_>,
    ) -> Result<Option<Row>, QueryError>
    where
        T: ?Sized + ToStatement,
    {
        self.ask((**self).query_opt(statement, values)).await
    }

    /// See [`Client::execute`].
    pub async fn execute<T>(&self, statement: &T, values: Parameters<'_>) -> Result<u64, QueryError>
    where
        T: ?Sized + ToStatement,
    {
        self.ask((**self).execute(statement, values)).await
    }

    /// A statement that the connection keeps prepared.
    pub async fn prepare_cached(&self, sql: &str) -> Result<Statement, QueryError> {
        self.ask(self.object.prepare_cached(sql)).await
    }

    /// See [`Client::simple_query`].
    pub async fn simple_query(&self, sql: &str) -> Result<Vec<SimpleQueryMessage>, QueryError> {
        self.ask((**self).simple_query(sql)).await
    }

    async fn ask<T>(
        &self,
        query: impl Future<Output = Result<T, tokio_postgres::Error>>,
    ) -> Result<T, QueryError> {
        let Some(patience) = self.patience else {
            return Ok(query.await?);
        };
        match tokio::time::timeout(patience, query).await {
            Ok(answer) => Ok(answer?),
            Err(_) => Err(QueryError::NoAnswer(patience)),
        }
    }
}

impl Deref for Pooled {
    type Target = Client;

    fn deref(&self) -> &Client {
        &self.object
    }
}

impl DerefMut for Pooled {
    fn deref_mut(&mut self) -> &mut Client {
        &mut self.object
    }
}
