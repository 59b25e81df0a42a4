//! Encryption of small whole things, as text.

use std::io::Read as _;

use base64::{Engine as _, prelude::BASE64_STANDARD};

use super::{Identities, Recipients, SealError, Sealer, Unsealer};

/// The bytes encrypted, in base64.
pub fn seal_text(plain: &[u8], recipients: &Recipients) -> Result<String, SealError> {
    let mut sealer = Sealer::new(recipients)?;
    let mut bytes = Vec::from(sealer.seal(plain)?);
    bytes.extend_from_slice(&sealer.finish()?);
    Ok(BASE64_STANDARD.encode(bytes))
}

/// The bytes that [`seal_text`] encrypted.
pub fn unseal_text(text: &str, identities: &Identities) -> Result<Vec<u8>, SealError> {
    let sealed = BASE64_STANDARD
        .decode(text)
        .map_err(|_| SealError::Damaged("it is not base64"))?;
    let mut plain = Vec::with_capacity(sealed.len());
    Unsealer::open(&sealed[..], identities)?
        .read_to_end(&mut plain)
        .map_err(SealError::of_reader)?;
    Ok(plain)
}
