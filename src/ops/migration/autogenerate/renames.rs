//! Stage `renames`: names change before anything else does, and what that does to the definitions of others only PostgreSQL
//! knows. So they are changed in a transaction that is rolled back, and the schema is read anew, until all names are right.

use super::{
    answers::{Answers, undecided},
    prove::refused,
};
use crate::{
    model::{
        autogenerate::{self, Facts, Renames},
        failure::{Failure, Kind},
    },
    postgres::{
        catalog::{Scope, facts},
        error::PostgresError,
        session::Session,
    },
};

/// More rounds than names can need that hang on each other: schema, table, column, what is made from those.
const ROUNDS: usize = 50;

/// The renames, and the schema once they are done.
pub(super) struct Renamed {
    /// All of them.
    pub(super) renames: Renames,
    /// What the revisions make, with the new names.
    pub(super) facts: Facts,
}

/// Finds them. Nothing is changed.
pub(super) async fn find(
    session: &Session,
    scope: &Scope,
    made: &Facts,
    declared: &Facts,
    answers: &mut Answers,
) -> Result<Renamed, Failure> {
    execute(session, "BEGIN").await?;
    let found = rounds(session, scope, made, declared, answers).await?;
    execute(session, "ROLLBACK").await?;
    answers.require_use()?;
    Ok(found)
}

async fn rounds(
    session: &Session,
    scope: &Scope,
    made: &Facts,
    declared: &Facts,
    answers: &mut Answers,
) -> Result<Renamed, Failure> {
    let mut renamed = Renamed {
        renames: Renames::default(),
        facts: made.clone(),
    };
    for _ in 0..ROUNDS {
        answers.look(&renamed.facts, declared);
        let more = autogenerate::renames(&renamed.facts, declared, &answers.decisions())
            .map_err(|candidates| undecided(&candidates))?;
        if more.forward.is_empty() {
            return Ok(renamed);
        }
        for statement in &more.forward {
            let sent = session.batch_execute(statement).await;
            sent.map_err(|error| refused("a rename", statement, error))?;
        }
        let now = facts(&**session, scope).await?;
        answers.follow(&renamed.facts, &now);
        renamed.facts = now;
        renamed.renames.forward.extend(more.forward);
        // What was renamed last is named back first.
        renamed.renames.backward.splice(0..0, more.backward);
    }
    Err(Failure::new(
        Kind::Internal,
        "RENAMES_ENDLESS",
        "names were changed again and again, and the schema still asks for more",
    ))
}

async fn execute(session: &Session, sql: &str) -> Result<(), Failure> {
    let sent = session.batch_execute(sql).await;
    Ok(sent.map_err(PostgresError::query("try the renames"))?)
}
