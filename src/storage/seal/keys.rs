//! The keys: recipients out of the configuration, identities out of a file.

use std::{
    fmt,
    fs::File,
    io::{self, Read as _},
    os::unix::fs::MetadataExt as _,
    path::Path,
    str::FromStr as _,
    sync::Arc,
};

use age::{
    secrecy::{ExposeSecret as _, SecretString},
    x25519,
};

use super::SealError;

/// More would make headers longer than a reader takes.
const MOST_RECIPIENTS: usize = 100;
/// No identity file is longer.
const LONGEST_FILE: u64 = 1024 * 1024;

/// Those who can read what is encrypted: one public key or more. Clones are cheap.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipients(Arc<[x25519::Recipient]>);

impl Recipients {
    /// Reads public keys, `age1…` each. One that is given twice counts once.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Self, SealError> {
        let mut all = Vec::with_capacity(texts.len());
        for (place, text) in texts.iter().enumerate() {
            let recipient = recipient(place + 1, text.as_ref().trim())?;
            if !all.contains(&recipient) {
                all.push(recipient);
            }
        }
        if all.is_empty() {
            return Err(SealError::NoRecipients);
        }
        if all.len() > MOST_RECIPIENTS {
            return Err(SealError::TooManyRecipients(MOST_RECIPIENTS));
        }
        Ok(Self(all.into()))
    }

    /// The public keys as text, for the manifest.
    pub fn names(&self) -> Vec<String> {
        self.0.iter().map(ToString::to_string).collect()
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &dyn age::Recipient> {
        self.0.iter().map(|key| key as &dyn age::Recipient)
    }
}

impl fmt::Display for Recipients {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        formatter.write_str(&self.names().join(", "))
    }
}

fn recipient(place: usize, text: &str) -> Result<x25519::Recipient, SealError> {
    if let Ok(recipient) = x25519::Recipient::from_str(text) {
        return Ok(recipient);
    }
    // Only what is public by its beginning is repeated.
    let begins = |prefix: &str| {
        text.get(..prefix.len())
            .is_some_and(|start| start.eq_ignore_ascii_case(prefix))
    };
    Err(if begins("age-") {
        SealError::PrivateKey(place)
    } else if begins("age1") {
        SealError::NotARecipient(text.to_owned())
    } else {
        SealError::NotPublic(place)
    })
}

/// Private keys: those who have one can read what was encrypted for it. `Debug` tells how many; the keys themselves are
/// wiped from memory when the last clone goes.
#[derive(Clone)]
pub struct Identities(Arc<[x25519::Identity]>);

impl Identities {
    /// Reads a file as age-keygen writes it: lines of `AGE-SECRET-KEY-1…`, comments and empty ones. It must be its owner's
    /// alone.
    pub fn load(path: &Path) -> Result<Self, SealError> {
        let unreadable = |source| SealError::IdentityFile {
            path: path.to_owned(),
            source,
        };
        let file = File::open(path).map_err(unreadable)?;
        // Asked of the open file: what is read is what was looked at.
        let mode = file.metadata().map_err(unreadable)?.mode() & 0o7777;
        if mode & 0o077 != 0 {
            let path = path.to_owned();
            return Err(SealError::Exposed { path, mode });
        }
        let text = read_secret(file).map_err(unreadable)?;
        let mut all = Vec::new();
        for (place, line) in text.expose_secret().lines().enumerate() {
            let line = line.trim();
            if line.is_empty() || line.starts_with('#') {
                continue;
            }
            let identity =
                x25519::Identity::from_str(line).map_err(|_| SealError::NotAnIdentity {
                    path: path.to_owned(),
                    line: place + 1,
                })?;
            all.push(identity);
        }
        if all.is_empty() {
            let path = path.to_owned();
            return Err(SealError::NoIdentities { path });
        }
        Ok(Self(all.into()))
    }

    /// The public keys that belong to them.
    pub fn recipients(&self) -> Recipients {
        Recipients(self.0.iter().map(x25519::Identity::to_public).collect())
    }

    pub(super) fn keys(&self) -> impl Iterator<Item = &dyn age::Identity> {
        self.0.iter().map(|key| key as &dyn age::Identity)
    }

    #[cfg(test)]
    pub(super) fn generate() -> Self {
        Self([x25519::Identity::generate()].into())
    }
}

/// The text of a file, in memory that is wiped, and in one piece: a growing buffer would leave its earlier ones behind.
fn read_secret(file: File) -> io::Result<SecretString> {
    let size = file.metadata()?.len().clamp(4096, LONGEST_FILE);
    let mut text = String::with_capacity(usize::try_from(size).unwrap_or_default() + 1);
    let read = file.take(LONGEST_FILE + 1).read_to_string(&mut text);
    let secret = SecretString::from(text);
    match read {
        Ok(length) if length as u64 > LONGEST_FILE => Err(io::ErrorKind::FileTooLarge.into()),
        Ok(_) => Ok(secret),
        Err(error) => Err(error),
    }
}

impl fmt::Debug for Identities {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "Identities({})", self.0.len())
    }
}
