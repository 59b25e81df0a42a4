//! `migrate sql`: the SQL between two versions as one script, exactly as it is to be run.

use std::{
    fs,
    io::{self, IsTerminal},
    path::PathBuf,
    str::FromStr,
};

use clap::Args;

use crate::{
    cli::{
        arguments::Database,
        error::CliError,
        exit::Exit,
        session::{Session, print_json, write_out},
        words,
    },
    proto::GetMigrationSqlRequest,
};

/// Arguments of `migrate sql`.
#[derive(Args, Clone, Debug)]
pub struct SqlArgs {
    /// Where the script begins and ends, as Alembic's offline mode takes it; `FROM:` ends at `head`, `:TO` begins at `base`
    #[arg(value_name = "FROM:TO", default_value = "base:head")]
    range: Range,
    /// Write it into this file rather than on standard output
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
    #[command(flatten)]
    database: Database,
}

/// Two versions. An empty one is what the daemon takes for it: `base` and `head`.
#[derive(Clone, Debug, PartialEq, Eq)]
struct Range {
    from: String,
    to: String,
}

impl FromStr for Range {
    type Err = &'static str;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let (from, to) = text
            .split_once(':')
            .ok_or("give FROM:TO, e.g. `5c1a7e0b9d24:head`, `:head` or `head:-1`")?;
        Ok(Self {
            from: from.to_owned(),
            to: to.to_owned(),
        })
    }
}

impl SqlArgs {
    pub(super) async fn run(self, session: &Session) -> Result<Exit, CliError> {
        let request = session.request(GetMigrationSqlRequest {
            database: self.database.name,
            from: self.range.from,
            to: self.range.to,
        });
        let response = session.migrations().get_migration_sql(request).await?;
        let script = response.into_inner();
        if let Some(path) = self.output {
            fs::write(&path, &script.sql).map_err(|source| CliError::Write { path, source })?;
        } else if session.json {
            print_json(&script)?;
        } else if io::stdout().is_terminal() {
            write_out(&words::clean_lines(&script.sql))?;
        } else {
            write_out(&script.sql)?;
        }
        Ok(Exit::SUCCESS)
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use super::*;

    #[test]
    fn either_end_may_be_left_to_the_daemon() {
        for (text, from, to) in [
            ("a1:b2", "a1", "b2"),
            ("a1:", "a1", ""),
            (":b2", "", "b2"),
            ("head:-1", "head", "-1"),
        ] {
            let range: Range = text.parse().unwrap();
            assert_eq!((range.from.as_str(), range.to.as_str()), (from, to));
        }
    }

    #[test]
    fn one_version_alone_is_refused_since_it_could_be_either_end() {
        assert!("a1".parse::<Range>().is_err());
    }
}
