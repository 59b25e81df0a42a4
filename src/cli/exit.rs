//! Exit codes: the part of the command line that scripts build on. They are listed in `pgsteward --help`.

use std::process::ExitCode;

/// How the process ends.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Exit(u8);

impl Exit {
    /// Done; an operation that was followed succeeded.
    pub const SUCCESS: Self = Self(0);
    /// The daemon refused the call, the operation failed, or a local file could not be read or written.
    pub const FAILED: Self = Self(1);
    /// The command line itself is wrong. clap ends with the same code.
    pub const USAGE: Self = Self(2);
    /// The daemon cannot be reached or does not answer in time.
    pub const UNREACHABLE: Self = Self(3);
    /// What was asked for does not hold.
    pub const CONDITION_FALSE: Self = Self(4);
    /// Ctrl-C, as shells count it: 128 and the signal's number.
    pub const INTERRUPTED: Self = Self(130);

    /// Success if what was asked for holds.
    pub(super) const fn holds(truth: bool) -> Self {
        if truth {
            Self::SUCCESS
        } else {
            Self::CONDITION_FALSE
        }
    }

    /// A code of a convention other than this one, for `pgsteward health`.
    pub(super) const fn other(code: u8) -> Self {
        Self(code)
    }

    /// The code.
    pub const fn code(self) -> u8 {
        self.0
    }
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> Self {
        Self::from(exit.0)
    }
}

/// The list in the long help.
pub(super) const HELP: &str = "\
Exit codes:
    0  done; an operation that was followed succeeded
    1  the daemon refused, the operation failed, or a local file cannot be used
    2  the command line is wrong
    3  the daemon cannot be reached or does not answer in time
    4  what was asked for does not hold: a database is unreachable (status),
       the schema is not at the scripts' heads (migrate current --check) or
       not what the revisions made (migrate drift), a role holds more or
       less than its purpose needs (roles check),
       revisions are to be finished by hand (migrate import-alembic),
       a restore would be refused (restore plan), the audit log is damaged
       (audit verify), an operation is not done
       within --timeout, or a question was answered with no
  130  interrupted; an operation that was followed goes on

`pgsteward health` ends with the codes of grpc_health_probe instead.

With --json, standard output holds the answer as proto3 JSON: the object that
was asked for, the Operation where one was started, or the whole response of a
list. Names are lowerCamelCase; fields with default values are there. An error
is one JSON object on standard error:
  {\"error\":{\"exitCode\":…,\"code\":…,\"reason\":…,\"message\":…,…}}";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_help_names_every_exit_code() {
        for exit in [
            Exit::SUCCESS,
            Exit::FAILED,
            Exit::USAGE,
            Exit::UNREACHABLE,
            Exit::CONDITION_FALSE,
            Exit::INTERRUPTED,
        ] {
            let line = format!("\n{:>5}  ", exit.code());
            assert!(HELP.contains(&line), "{exit:?}");
        }
    }
}
