//! Round trips at every edge, damage of every kind, and keys that are not what they should be.

#![allow(clippy::unwrap_used)]

mod keys;
mod streams;

use std::io::{Cursor, Read as _};

use super::*;

/// The size of age's chunks, in plain bytes.
const CHUNK: usize = 64 * 1024;

/// Bytes of that many, in which no two chunks are the same.
fn bytes(length: usize) -> Vec<u8> {
    (0..length)
        .map(|place| (place ^ (place / 251) ^ (place / CHUNK * 7)).to_le_bytes()[0])
        .collect()
}

/// The bytes encrypted in pieces of that size.
fn sealed(plain: &[u8], piece: usize, recipients: &Recipients) -> Vec<u8> {
    let mut sealer = Sealer::new(recipients).unwrap();
    let mut all = Vec::new();
    for piece in plain.chunks(piece) {
        all.extend_from_slice(&sealer.seal(piece).unwrap());
    }
    all.extend_from_slice(&sealer.finish().unwrap());
    all
}

fn unsealed(sealed: &[u8], identities: &Identities) -> Result<Vec<u8>, SealError> {
    let mut plain = Vec::new();
    Unsealer::open(sealed, identities)?
        .read_to_end(&mut plain)
        .map_err(SealError::of_reader)?;
    Ok(plain)
}

fn seekable<'a>(sealed: &'a [u8], identities: &Identities) -> Unsealer<Cursor<&'a [u8]>> {
    Unsealer::open(Cursor::new(sealed), identities).unwrap()
}
