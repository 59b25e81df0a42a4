//! The asking of one check of a drill: a query that must give one row of one true.

use std::time::Duration;

use futures_util::{StreamExt as _, TryStreamExt as _};
use tokio_postgres::{Client, Row, types::Type};

use super::error::PostgresError;

/// What a check gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Answer {
    /// True.
    True,
    /// False or NULL, as the text says.
    NotTrue(&'static str),
    /// Nothing that could be judged: what it gave instead.
    NoAnswer(String),
}

/// Asks a check, read only and within the limit. By the extended protocol, which takes one statement and no more.
pub async fn ask(client: &Client, query: &str, limit: Duration) -> Result<Answer, PostgresError> {
    let what = || PostgresError::query("run the check");
    let begin = format!(
        "BEGIN READ ONLY; SET LOCAL statement_timeout = {}",
        limit.as_millis()
    );
    client.batch_execute(&begin).await.map_err(what())?;
    let asked = answer(client, query).await;
    // After an error of the server the session goes on; after that of the connection this fails as well.
    client.batch_execute("ROLLBACK").await.map_err(what())?;
    asked
}

async fn answer(client: &Client, query: &str) -> Result<Answer, PostgresError> {
    let what = || PostgresError::query("run the check");
    let statement = client.prepare(query).await.map_err(what())?;
    if !statement.params().is_empty() {
        return Ok(Answer::NoAnswer("it has parameters".to_owned()));
    }
    if !matches!(statement.columns(), [column] if *column.type_() == Type::BOOL) {
        return Ok(Answer::NoAnswer(format!(
            "it gives {} columns of which the first is {}, and must give one that is boolean",
            statement.columns().len(),
            statement
                .columns()
                .first()
                .map_or("none", |column| column.type_().name()),
        )));
    }
    let none: [bool; 0] = [];
    let rows = client.query_raw(&statement, none).await.map_err(what())?;
    let rows: Vec<Row> = rows.take(2).try_collect().await.map_err(what())?;
    let [row] = rows.as_slice() else {
        let count = if rows.is_empty() {
            "no row"
        } else {
            "several rows"
        };
        return Ok(Answer::NoAnswer(format!(
            "it gave {count}, and must give one"
        )));
    };
    Ok(match row.get::<_, Option<bool>>(0) {
        Some(true) => Answer::True,
        Some(false) => Answer::NotTrue("it gave false"),
        None => Answer::NotTrue("it gave NULL"),
    })
}
