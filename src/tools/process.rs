//! Child processes: how every PostgreSQL tool is started, fed, watched and judged.
//!
//! The password reaches a tool by its environment, never by argv. A tool whose handle is dropped is killed, with the
//! processes that it started. Its stderr is kept, bounded, so that a failure says what the tool said.

use std::{ffi::OsStr, path::Path, process::Stdio};

use nix::{
    sys::signal::{Signal, killpg},
    unistd::Pid,
};
use tokio::{
    io::{AsyncBufReadExt as _, BufReader},
    process::{Child, ChildStdin, ChildStdout, Command},
    task::JoinHandle,
};
use tokio_postgres::{Config, config::Host};

use crate::model::failure::{Classified, Kind};

/// How many lines of a tool's stderr are kept: the last ones say why it failed.
const KEPT_LINES: usize = 20;

/// A tool that could not be started or that failed.
#[derive(Debug, thiserror::Error)]
pub enum ToolError {
    /// The program could not be started.
    #[error("cannot start {tool}")]
    Start {
        /// The program's name.
        tool: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// A pipe to or from it broke.
    #[error("cannot exchange data with {tool}")]
    Pipe {
        /// The program's name.
        tool: &'static str,
        /// The cause.
        source: std::io::Error,
    },
    /// It ended with an error.
    #[error("{tool} ended with {status}: {said}")]
    Failed {
        /// The program's name.
        tool: &'static str,
        /// Its exit status.
        status: std::process::ExitStatus,
        /// The last lines of its stderr.
        said: String,
    },
}

impl Classified for ToolError {
    fn kind(&self) -> Kind {
        Kind::Internal
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Start { .. } => "TOOL_MISSING",
            Self::Pipe { .. } | Self::Failed { .. } => "TOOL_FAILED",
        }
    }

    fn hint(&self) -> Option<String> {
        matches!(self, Self::Start { .. })
            .then(|| "install PostgreSQL's client programs, or set postgres.bin_dir".to_owned())
    }
}

/// A running tool.
#[derive(Debug)]
pub struct Tool {
    name: &'static str,
    child: Child,
    stderr: JoinHandle<String>,
}

/// Starts a tool as the given login, with stdin and stdout as asked for.
pub fn start<I, S>(
    name: &'static str,
    program: &Path,
    arguments: I,
    login: &Config,
    stdin: Stdio,
    stdout: Stdio,
) -> Result<Tool, ToolError>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    start_with(name, program, arguments, login, &[], stdin, stdout)
}

/// As [`start`], with more variables in the tool's environment.
pub(super) fn start_with<I, S>(
    name: &'static str,
    program: &Path,
    arguments: I,
    login: &Config,
    variables: &[(&str, &str)],
    stdin: Stdio,
    stdout: Stdio,
) -> Result<Tool, ToolError>
where
    I: IntoIterator<Item = S>,
    S: AsRef<OsStr>,
{
    let start_error = |source| ToolError::Start { tool: name, source };
    let mut child = Command::new(program)
        .args(arguments)
        .env_clear()
        .env("PATH", std::env::var_os("PATH").unwrap_or_default())
        .env("LC_ALL", "C.UTF-8")
        .envs(environment(login))
        .envs(variables.iter().copied())
        .stdin(stdin)
        .stdout(stdout)
        .stderr(Stdio::piped())
        // A Ctrl-C at the terminal is for the daemon, which ends its tools in order.
        .process_group(0)
        .kill_on_drop(true)
        .spawn()
        .map_err(start_error)?;
    let stderr = child.stderr.take();
    let stderr = tokio::spawn(async move {
        let mut kept = std::collections::VecDeque::with_capacity(KEPT_LINES);
        if let Some(stderr) = stderr {
            // By bytes: messages in another encoding must not end the reading, or the tool would meet a closed pipe.
            let mut lines = BufReader::new(stderr).split(b'\n');
            while let Ok(Some(line)) = lines.next_segment().await {
                if kept.len() == KEPT_LINES {
                    kept.pop_front();
                }
                kept.push_back(String::from_utf8_lossy(&line).into_owned());
            }
        }
        Vec::from(kept).join("; ")
    });
    Ok(Tool {
        name,
        child,
        stderr,
    })
}

impl Tool {
    /// The pipe into the tool. It can be taken once, from a tool that was started with one.
    pub fn stdin(&mut self) -> Result<ChildStdin, ToolError> {
        let pipe = self.child.stdin.take();
        pipe.ok_or_else(|| self.no_pipe())
    }

    /// The pipe out of the tool. It can be taken once, from a tool that was started with one.
    pub fn stdout(&mut self) -> Result<ChildStdout, ToolError> {
        let pipe = self.child.stdout.take();
        pipe.ok_or_else(|| self.no_pipe())
    }

    fn no_pipe(&self) -> ToolError {
        ToolError::Pipe {
            tool: self.name,
            source: std::io::ErrorKind::BrokenPipe.into(),
        }
    }

    /// Waits for its end; anything but exit status 0 is an error with what the tool said.
    pub async fn finish(mut self) -> Result<(), ToolError> {
        let (tool, group) = (self.name, self.child.id());
        let status = self
            .child
            .wait()
            .await
            .map_err(|source| ToolError::Pipe { tool, source })?;
        if !status.success() {
            // A parallel pg_restore that was killed leaves helpers, which keep its stderr open while their statements run.
            kill_group(group);
        }
        let said = (&mut self.stderr).await.unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        Err(ToolError::Failed { tool, status, said })
    }
}

impl Drop for Tool {
    fn drop(&mut self) {
        kill_group(self.child.id());
    }
}

/// Kills a tool that was not waited for, or what it has left, with the processes that it started.
fn kill_group(leader: Option<u32>) {
    if let Some(group) = leader.and_then(|id| i32::try_from(id).ok()) {
        // There may be nobody any more.
        let _ = killpg(Pid::from_raw(group), Signal::SIGKILL);
    }
}

/// The environment through which libpq programs learn where and as whom to connect.
fn environment(login: &Config) -> Vec<(&'static str, String)> {
    let mut environment = vec![("PGAPPNAME", "pgsteward".to_owned())];
    let mut set = |name, value: Option<String>| {
        if let Some(value) = value {
            environment.push((name, value));
        }
    };
    set(
        "PGHOST",
        login.get_hosts().first().map(|host| match host {
            Host::Tcp(name) => name.clone(),
            Host::Unix(directory) => directory.to_string_lossy().into_owned(),
        }),
    );
    set(
        "PGHOSTADDR",
        login.get_hostaddrs().first().map(ToString::to_string),
    );
    set("PGPORT", login.get_ports().first().map(ToString::to_string));
    set("PGUSER", login.get_user().map(ToOwned::to_owned));
    set("PGDATABASE", login.get_dbname().map(ToOwned::to_owned));
    set("PGOPTIONS", login.get_options().map(ToOwned::to_owned));
    set(
        "PGPASSWORD",
        login
            .get_password()
            .map(|password| String::from_utf8_lossy(password).into_owned()),
    );
    set(
        "PGCONNECT_TIMEOUT",
        login
            .get_connect_timeout()
            .map(|timeout| timeout.as_secs().max(1).to_string()),
    );
    environment
}
