//! Encryption at rest by age (x25519). Bytes on their way to a store go through a [`Sealer`], bytes on their way back
//! through an [`Unsealer`]; small whole things, a manifest's contents, through [`seal_text`] and [`unseal_text`].
//!
//! To write, the daemon needs public keys alone ([`Recipients`]); private ones ([`Identities`]) only to read what it
//! wrote. Nothing here shows a private key, not even a mistyped one.

mod error;
mod keys;
mod read;
mod text;
mod write;

pub use error::SealError;
pub use keys::{Identities, Recipients};
pub use read::Unsealer;
pub use text::{seal_text, unseal_text};
pub use write::Sealer;

#[cfg(test)]
mod tests;
