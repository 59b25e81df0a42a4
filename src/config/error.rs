//! What can be wrong with a configuration. Every message names the whole dotted key and where its value came from;
//! no message repeats a value, since any value may be a mistyped secret.

use std::{fmt, io, path::PathBuf};

use thiserror::Error;

use super::UrlError;
use crate::model::failure::{Classified, Kind};

/// Where a setting came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The configuration file.
    File(PathBuf),
    /// The environment variable of this name.
    Variable(String),
    /// Nowhere: the setting is not given.
    Absent,
}

impl fmt::Display for Origin {
    /// A suffix for a message, with its leading space.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::File(path) => write!(formatter, " (in {})", path.display()),
            Self::Variable(name) => write!(formatter, " (from {name})"),
            Self::Absent => Ok(()),
        }
    }
}

/// Why a configuration is refused.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The file cannot be read, or is not UTF-8.
    #[error("cannot read the configuration file {}", path.display())]
    Read {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// The file is not TOML.
    #[error("{}:{line}:{column}: not valid TOML: {problem}", path.display())]
    Syntax {
        /// The file.
        path: PathBuf,
        /// Line, from 1.
        line: usize,
        /// Column in characters, from 1.
        column: usize,
        /// What the parser says.
        problem: String,
    },
    /// No such key exists.
    #[error("unknown key `{key}`{origin}")]
    UnknownKey {
        /// The dotted key.
        key: String,
        /// Where it is.
        origin: Origin,
        /// The key that was likely meant.
        meant: Option<String>,
    },
    /// A value is missing, of the wrong type, out of range, or at odds with another.
    #[error("`{key}` {problem}{origin}")]
    Invalid {
        /// The dotted key.
        key: String,
        /// Where its value is from.
        origin: Origin,
        /// What is wrong, as the rest of a sentence that begins with the key.
        problem: String,
        /// What to do about it.
        hint: Option<String>,
    },
    /// A connection URL cannot be used.
    #[error("`{key}` is not a usable connection URL{origin}")]
    Url {
        /// The dotted key.
        key: String,
        /// Where its value is from.
        origin: Origin,
        /// What is wrong with the URL.
        source: UrlError,
    },
}

impl ConfigError {
    /// The same error with advice, where the error has room for it.
    pub(super) fn with_hint(mut self, advice: impl Into<String>) -> Self {
        if let Self::Invalid { hint, .. } = &mut self {
            *hint = Some(advice.into());
        }
        self
    }
}

impl Classified for ConfigError {
    fn kind(&self) -> Kind {
        match self {
            Self::Read { .. } => Kind::FailedPrecondition,
            _ => Kind::InvalidArgument,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::Read { .. } => "CONFIG_UNREADABLE",
            Self::Syntax { .. } => "CONFIG_SYNTAX",
            Self::UnknownKey { .. } => "CONFIG_UNKNOWN_KEY",
            Self::Invalid { .. } | Self::Url { .. } => "CONFIG_INVALID",
        }
    }

    fn hint(&self) -> Option<String> {
        match self {
            Self::UnknownKey { meant, .. } => Some(match meant {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "`pgsteward config example` prints every key".to_owned(),
            }),
            Self::Invalid { hint, .. } => hint.clone(),
            Self::Url { source, .. } => source.hint().map(str::to_owned),
            Self::Read { .. } | Self::Syntax { .. } => None,
        }
    }
}
