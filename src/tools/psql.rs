//! psql: runs other tools' dumps, which it takes for programs: restricted, so that none of psql's own commands in them does
//! anything.

mod foreign;
mod lexer;
mod watch;

use std::{io, path::Path, process::Stdio};

use bytes::Bytes;
use tokio::{
    io::{AsyncWriteExt as _, BufWriter},
    process::ChildStdin,
};
use tokio_postgres::Config;

pub use self::foreign::{ForeignError, ForeignSql};
use super::process::{Tool, ToolError, start_with};
use crate::model::failure::{Classified, Kind};

const ARGUMENTS: [&str; 5] = [
    "--no-psqlrc",
    "--quiet",
    "--no-password",
    "--set=ON_ERROR_STOP=1",
    "--file=-",
];

/// For the small pieces into which a filter may cut its input; larger ones go past the buffer.
const INPUT_BUFFER: usize = 64 * 1024;

/// Starts psql for a dump of another tool's. All that it is fed goes through a filter, whose first line forbids psql's own
/// commands until a key is repeated that the file cannot know (lessons B8). `program` is a psql that knows this line:
/// [`restricted_psql`](super::binaries::Binaries::restricted_psql).
///
/// What is left to the file is SQL: the login must be of a role that may not run programs on the server, so no superuser.
pub fn run_restricted(program: &Path, login: &Config) -> Result<RestrictedPsql, ToolError> {
    let mut tool = start_with(
        "psql",
        program,
        ARGUMENTS,
        login,
        // Should psql ever be brought to start a shell, it is to find none.
        &[("SHELL", "/bin/false")],
        Stdio::piped(),
        Stdio::null(),
    )?;
    Ok(RestrictedPsql {
        filter: ForeignSql::new(),
        pipe: BufWriter::with_capacity(INPUT_BUFFER, tool.stdin()?),
        tool: Some(tool),
    })
}

/// A psql that runs a dump of another tool's. Dropped, it is killed.
#[derive(Debug)]
pub struct RestrictedPsql {
    filter: ForeignSql,
    pipe: BufWriter<ChildStdin>,
    /// Taken by whoever asks how it ended.
    tool: Option<Tool>,
}

/// Why a dump of another tool's could not be run.
#[derive(Debug, thiserror::Error)]
pub enum RestrictedError {
    /// By what psql said.
    #[error(transparent)]
    Tool(#[from] ToolError),
    /// By what the file holds, or lacks.
    #[error(transparent)]
    File(#[from] ForeignError),
}

impl RestrictedPsql {
    /// Feeds the file's next bytes, cut anywhere. Waits while psql is slower than the caller. The first error is the last.
    pub async fn write(&mut self, bytes: &Bytes) -> Result<(), RestrictedError> {
        for piece in self.filter.push(bytes)? {
            if let Err(source) = self.pipe.write_all(&piece).await {
                return Err(end(self.tool.take(), source).await.into());
            }
        }
        Ok(())
    }

    /// Ends the input and waits for psql's end. A file that was cut is an error also where psql is content with it.
    pub async fn finish(self) -> Result<(), RestrictedError> {
        let Self {
            filter,
            mut pipe,
            tool,
        } = self;
        let rest = filter.finish()?;
        let fed = async {
            pipe.write_all(&rest).await?;
            pipe.shutdown().await
        };
        if let Err(source) = fed.await {
            return Err(end(tool, source).await.into());
        }
        drop(pipe);
        match tool {
            Some(tool) => Ok(tool.finish().await?),
            None => Err(pipe_error(io::ErrorKind::BrokenPipe.into()).into()),
        }
    }
}

/// Why the pipe broke: a psql that met an error has closed its end, and what it said is worth more.
async fn end(tool: Option<Tool>, source: io::Error) -> ToolError {
    if let Some(tool) = tool
        && let Err(error) = tool.finish().await
    {
        return error;
    }
    pipe_error(source)
}

fn pipe_error(source: io::Error) -> ToolError {
    ToolError::Pipe {
        tool: "psql",
        source,
    }
}

impl Classified for RestrictedError {
    fn kind(&self) -> Kind {
        match self {
            Self::Tool(error) => error.kind(),
            Self::File(error) => error.kind(),
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Tool(error) => error.reason(),
            Self::File(error) => error.reason(),
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::Tool(error) => error.hint(),
            Self::File(error) => error.hint(),
        }
    }
}
