//! psql: runs other tools' dumps, which it takes for programs: restricted, so that none of psql's own commands in them does
//! anything.

mod foreign;
mod lexer;

use std::{path::Path, process::Stdio};

use bytes::Bytes;
use tokio::{
    io::{AsyncWriteExt as _, BufWriter},
    process::ChildStdin,
};
use tokio_postgres::Config;

pub use self::foreign::{CutShort, ForeignSql};
use super::process::{Tool, ToolError, start_with};

const ARGUMENTS: [&str; 5] = [
    "--no-psqlrc",
    "--quiet",
    "--no-password",
    "--set=ON_ERROR_STOP=1",
    "--file=-",
];

/// For the small pieces into which a filter may cut its input; larger ones go past the buffer.
const INPUT_BUFFER: usize = 64 * 1024;

/// Starts psql for a dump of another tool's. All that it is fed goes through the [`RestrictedInput`], whose first line
/// forbids psql's own commands until a key is repeated that the file cannot know (lessons B8). `program` is a psql that
/// knows this line: [`restricted_psql`](super::binaries::Binaries::restricted_psql).
///
/// What is left to the file is SQL: the login must be of a role that may not run programs on the server, so no superuser.
pub fn run_restricted(
    program: &Path,
    login: &Config,
) -> Result<(Tool, RestrictedInput), ToolError> {
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
    let input = RestrictedInput {
        filter: ForeignSql::new(),
        pipe: BufWriter::with_capacity(INPUT_BUFFER, tool.stdin()?),
    };
    Ok((tool, input))
}

/// The way into a restricted psql.
#[derive(Debug)]
pub struct RestrictedInput {
    filter: ForeignSql,
    pipe: BufWriter<ChildStdin>,
}

impl RestrictedInput {
    /// Feeds the file's next bytes, cut anywhere. That the pipe broke means that psql has ended: what it said
    /// ([`Tool::finish`]) says more.
    pub async fn write(&mut self, bytes: Bytes) -> Result<(), ToolError> {
        for piece in self.filter.push(&bytes) {
            self.pipe.write_all(&piece).await.map_err(broken)?;
        }
        Ok(())
    }

    /// Ends the input. A file that ends too early is an error, since psql would be content with it: then the tool is to
    /// be dropped, with what it made.
    pub async fn finish(mut self) -> Result<Result<(), CutShort>, ToolError> {
        let rest = match self.filter.finish() {
            Ok(rest) => rest,
            Err(cut_short) => return Ok(Err(cut_short)),
        };
        self.pipe.write_all(&rest).await.map_err(broken)?;
        self.pipe.shutdown().await.map_err(broken)?;
        Ok(Ok(()))
    }
}

fn broken(source: std::io::Error) -> ToolError {
    ToolError::Pipe {
        tool: "psql",
        source,
    }
}
