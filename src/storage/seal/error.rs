//! What can go wrong with keys and with encrypted bytes. No message holds a private key, or a text that may be one.

use std::{io, path::PathBuf};

use crate::model::failure::{Classified, Kind};

/// An error of encryption or decryption.
#[derive(Debug, thiserror::Error)]
pub enum SealError {
    /// A list without recipients.
    #[error("no recipient is given")]
    NoRecipients,
    /// More recipients than this.
    #[error("more than {0} recipients are given")]
    TooManyRecipients(usize),
    /// A text that looks like a recipient, and is none.
    #[error("{0:?} is not an age recipient")]
    NotARecipient(String),
    /// A text that does not even look like a recipient, by its place in the list. It is not shown: it may be a secret.
    #[error("item {0} is not an age recipient")]
    NotPublic(usize),
    /// The private key in the place of the public one, by its place in the list.
    #[error("item {0} is an age identity, which is a secret, and not a recipient")]
    PrivateKey(usize),
    /// The identity file cannot be read.
    #[error("cannot read the identity file {}", path.display())]
    IdentityFile {
        /// The file.
        path: PathBuf,
        /// The system's reason.
        source: io::Error,
    },
    /// Other accounts may read the identity file.
    #[error("the identity file {} can be used by other accounts (mode {mode:04o})", path.display())]
    Exposed {
        /// The file.
        path: PathBuf,
        /// Its permissions.
        mode: u32,
    },
    /// A line of the identity file is neither a comment nor an identity.
    #[error("line {line} of the identity file {} is not an age identity", path.display())]
    NotAnIdentity {
        /// The file.
        path: PathBuf,
        /// The line, from 1.
        line: usize,
    },
    /// The identity file holds no identity.
    #[error("the identity file {} holds no identity", path.display())]
    NoIdentities {
        /// The file.
        path: PathBuf,
    },
    /// Encrypted for others.
    #[error("none of the daemon's identities can decrypt it")]
    NoMatchingIdentity,
    /// Not what was encrypted: other bytes, or fewer, or more.
    #[error("the encrypted bytes are damaged: {0}")]
    Damaged(&'static str),
    /// Where the encrypted bytes come from gave an error.
    #[error("cannot read the encrypted bytes")]
    Read(#[source] io::Error),
    /// Encryption itself failed, for which there is no known cause.
    #[error("cannot encrypt")]
    Encrypt(#[source] io::Error),
}

impl Classified for SealError {
    fn kind(&self) -> Kind {
        match self {
            Self::NoRecipients
            | Self::TooManyRecipients(_)
            | Self::NotARecipient(_)
            | Self::NotPublic(_)
            | Self::PrivateKey(_)
            | Self::NotAnIdentity { .. }
            | Self::NoIdentities { .. } => Kind::InvalidArgument,
            Self::IdentityFile { .. } | Self::Exposed { .. } | Self::NoMatchingIdentity => {
                Kind::FailedPrecondition
            }
            Self::Damaged(_) => Kind::DataLoss,
            Self::Read(_) => Kind::Unavailable,
            Self::Encrypt(_) => Kind::Internal,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::NoRecipients
            | Self::TooManyRecipients(_)
            | Self::NotARecipient(_)
            | Self::NotPublic(_)
            | Self::PrivateKey(_) => "INVALID_RECIPIENT",
            Self::NotAnIdentity { .. } | Self::NoIdentities { .. } => "INVALID_IDENTITY",
            Self::IdentityFile { .. } => "IDENTITY_UNREADABLE",
            Self::Exposed { .. } => "IDENTITY_EXPOSED",
            Self::NoMatchingIdentity => "NO_IDENTITY",
            Self::Damaged(_) => "BACKUP_DAMAGED",
            Self::Read(_) => "STORE_UNAVAILABLE",
            Self::Encrypt(_) => "ENCRYPTION_FAILED",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::NoRecipients | Self::NotARecipient(_) | Self::NotPublic(_) => {
                "give public keys as `age-keygen -y` prints them: age1 and 58 letters and digits".to_owned()
            }
            Self::PrivateKey(_) => {
                "give the public key that `age-keygen -y` makes of it; the identity may have been seen, so make a new one"
                    .to_owned()
            }
            Self::Exposed { path, .. } => format!("chmod 600 {}", path.display()),
            Self::NotAnIdentity { .. } | Self::NoIdentities { .. } => {
                "use a file as `age-keygen -o FILE` writes it, with lines of AGE-SECRET-KEY-1".to_owned()
            }
            Self::NoMatchingIdentity => {
                "set backup.identity_file to a file with the identity of one of the backup's recipients".to_owned()
            }
            Self::Damaged(_) => "use another backup, or another store's copy".to_owned(),
            Self::TooManyRecipients(_)
            | Self::IdentityFile { .. }
            | Self::Read(_)
            | Self::Encrypt(_) => return None,
        })
    }
}

impl SealError {
    /// As the error of a reader; [`SealError::of_reader`] gets it back out.
    pub(super) fn into_io(self) -> io::Error {
        let kind = match &self {
            Self::Read(source) => source.kind(),
            _ => io::ErrorKind::InvalidData,
        };
        io::Error::new(kind, self)
    }

    /// Gets the error out of one that an [`Unsealer`](super::Unsealer) gave as a reader.
    pub fn of_reader(error: io::Error) -> Self {
        error.downcast().unwrap_or_else(Self::Read)
    }
}
