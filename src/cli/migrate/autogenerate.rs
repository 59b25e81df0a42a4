//! `migrate revision --autogenerate`: starts the operation and follows it. Where it is refused since nobody has said whether
//! something was renamed, and there is somebody at a terminal, they are asked, and the request is sent again.

use std::io::{self, IsTerminal, Write as _};

use clap::Args;

use crate::{
    cli::{
        arguments::Start, error::CliError, exit::Exit, follow::started, session::Session, words,
    },
    proto::{CreateRevisionRequest, OperationPrecondition},
};

/// The reason by which the daemon asks; each precondition is one thing that it asks about.
const UNDECIDED: &str = "RENAME_UNDECIDED";

/// What is said to autogenerate.
#[derive(Args, Clone, Debug)]
pub(super) struct AutogenerateArgs {
    /// Write the SQL from the difference between the models and what the revisions make
    #[arg(long)]
    pub(super) autogenerate: bool,
    /// A table or column that has another name now, e.g. public.orders.total=amount; may be given more than once
    #[arg(long = "rename", value_name = "OLD=NEW", requires = "autogenerate")]
    renames: Vec<String>,
    /// A table or column that is meant to go, e.g. public.orders.total; may be given more than once
    #[arg(long = "drop", value_name = "NAME", requires = "autogenerate")]
    drops: Vec<String>,
    /// Write short statements that lock, in place of those that let others work meanwhile
    #[arg(long, requires = "autogenerate")]
    plain: bool,
    /// Print the operation's id and do not wait for its end
    #[arg(long, requires = "autogenerate")]
    no_wait: bool,
}

impl AutogenerateArgs {
    pub(super) async fn run(
        self,
        session: &Session,
        request: CreateRevisionRequest,
    ) -> Result<Exit, CliError> {
        let start = Start {
            request_id: request.request_id.clone(),
            no_wait: self.no_wait,
        };
        let mut request = CreateRevisionRequest {
            autogenerate: true,
            renames: self.renames,
            drops: self.drops,
            plain: self.plain,
            ..request
        };
        loop {
            let sent = session.request(request.clone());
            let response = session.migrations().create_revision(sent).await?;
            let ended = started(session, response.into_inner().operation, &start).await;
            match ended {
                Err(CliError::Operation { error, .. })
                    if error.reason == UNDECIDED
                        // The same request id would give the same answer.
                        && request.request_id.is_empty()
                        && may_ask(session)
                        && ask(&error.preconditions, &mut request)? => {}
                ended => return ended,
            }
        }
    }
}

fn may_ask(session: &Session) -> bool {
    !session.json && io::stdin().is_terminal() && io::stderr().is_terminal()
}

/// Asks what became of each; whether all were answered.
fn ask(
    preconditions: &[OperationPrecondition],
    request: &mut CreateRevisionRequest,
) -> Result<bool, CliError> {
    for precondition in preconditions {
        let choices = choices(&precondition.description);
        eprintln!(
            "{} is not declared any more.",
            words::clean(&precondition.subject)
        );
        for (place, choice) in choices.iter().enumerate() {
            eprintln!("  {}  {}", place + 1, words::clean(&choice.to_string()));
        }
        let Some(choice) = answer(&choices)? else {
            return Ok(false);
        };
        match choice {
            Choice::Rename(both) => request.renames.push(both.clone()),
            Choice::Drop(name) => request.drops.push(name.clone()),
        }
    }
    Ok(!preconditions.is_empty())
}

/// Reads one answer; none where it is left empty, or the input ends.
fn answer(choices: &[Choice]) -> Result<Option<&Choice>, CliError> {
    loop {
        eprint!("Which? [1-{}, empty to stop] ", choices.len());
        let standard = |stream| move |source| CliError::Standard { stream, source };
        io::stderr().flush().map_err(standard("error"))?;
        let mut line = String::new();
        io::stdin()
            .read_line(&mut line)
            .map_err(standard("input"))?;
        let line = line.trim();
        if line.is_empty() {
            return Ok(None);
        }
        let number = line.parse::<usize>().ok();
        let place = number.and_then(|number| number.checked_sub(1));
        if let Some(choice) = place.and_then(|place| choices.get(place)) {
            return Ok(Some(choice));
        }
    }
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Choice {
    /// `old=new`.
    Rename(String),
    /// The old name.
    Drop(String),
}

impl std::fmt::Display for Choice {
    fn fmt(&self, formatter: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Rename(both) => write!(formatter, "it has another name: --rename {both}"),
            Self::Drop(name) => write!(formatter, "it is to go: --drop {name}"),
        }
    }
}

/// The ways out that a description spells as flags, each between backticks.
fn choices(description: &str) -> Vec<Choice> {
    let spelled = description.split('`').skip(1).step_by(2);
    spelled
        .filter_map(|flag| {
            let rename = flag.strip_prefix("--rename ");
            let drop = flag.strip_prefix("--drop ");
            let rename = rename.map(|both| Choice::Rename(both.to_owned()));
            rename.or_else(|| drop.map(|name| Choice::Drop(name.to_owned())))
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_ways_out_are_read_from_the_description() {
        let description = "is not declared any more, and may be column public.o.a or column public.o.b now: \
                           `--rename public.o.t=a` or `--rename public.o.t=b` or `--drop public.o.t`";
        assert_eq!(
            choices(description),
            [
                Choice::Rename("public.o.t=a".to_owned()),
                Choice::Rename("public.o.t=b".to_owned()),
                Choice::Drop("public.o.t".to_owned()),
            ]
        );
    }
}
