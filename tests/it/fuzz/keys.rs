//! What is encrypted: headers and streams of age, and the files with the keys to them.

use std::{fs, io::Read as _, os::unix::fs::PermissionsExt as _};

use pgsteward::storage::{Identities, Recipients, Sealer, Unsealer, seal_text, unseal_text};
use proptest::prelude::*;

use super::{
    cases,
    mutations::{damaged, mutations},
};

/// A pair of age keys.
const PUBLIC: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const PRIVATE: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

const PIECES: &[&[u8]] = &[
    b"-> X25519 ",
    b"\n",
    b"--- ",
    b"age-encryption.org/v1\n",
    b"-> scrypt AAAA 99\n",
    b"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
    b"\0",
    b"AGE-SECRET-KEY-1",
    b"# ",
    b"=",
];

fn keys() -> (tempfile::TempDir, Identities, Recipients) {
    let directory = tempfile::tempdir().unwrap();
    let (_, identities) = load(directory.path(), PRIVATE.as_bytes());
    let recipients = Recipients::parse(&[PUBLIC]).unwrap();
    (directory, identities.unwrap(), recipients)
}

fn load(
    directory: &std::path::Path,
    bytes: &[u8],
) -> (String, Result<Identities, pgsteward::storage::SealError>) {
    let path = directory.join("identity.txt");
    fs::write(&path, bytes).unwrap();
    fs::set_permissions(&path, fs::Permissions::from_mode(0o600)).unwrap();
    (path.display().to_string(), Identities::load(&path))
}

proptest! {
    #![proptest_config(cases(150))]

    #[test]
    fn a_damaged_header_or_stream_is_refused_or_gives_what_was_sealed(mutations in mutations(PIECES), length in 0_usize..2000) {
        let (_directory, identities, recipients) = keys();
        let plain: Vec<u8> = (0..length).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let mut sealer = Sealer::new(&recipients).unwrap();
        let mut sealed = sealer.seal(&plain).unwrap().to_vec();
        sealed.extend_from_slice(&sealer.finish().unwrap());
        let bytes = damaged(&sealed, &mutations);
        let mut read = Vec::new();
        let unsealed = Unsealer::open(std::io::Cursor::new(bytes), &identities)
            .map_err(|error| error.to_string())
            .and_then(|mut reader| reader.read_to_end(&mut read).map_err(|error| error.to_string()));
        match unsealed {
            Ok(_) => prop_assert_eq!(&read, &plain),
            Err(message) => prop_assert!(!message.is_empty() && !message.contains("GQ9778VQ")),
        }
        let text = seal_text(&plain, &recipients).unwrap();
        let text = String::from_utf8_lossy(&damaged(text.as_bytes(), &mutations)).into_owned();
        if let Ok(read) = unseal_text(&text, &identities) {
            prop_assert_eq!(&read, &plain);
        }
    }

    #[test]
    fn a_damaged_key_file_is_refused_by_name_and_shows_no_key(mutations in mutations(PIECES)) {
        let directory = tempfile::tempdir().unwrap();
        let text = format!("# created: 2026-11-25T00:00:00Z\n# public key: {PUBLIC}\n{PRIVATE}\n");
        let (path, loaded) = load(directory.path(), &damaged(text.as_bytes(), &mutations));
        if let Err(error) = loaded {
            let message = pgsteward::model::failure::chain(&error);
            prop_assert!(message.contains(&path), "{}", message);
            // Not even a part of a key that was mistyped.
            prop_assert!(!message.contains("778VQXMMJVE8") && !message.contains("SFCWCM02D8"), "{}", message);
        }
        let _ = Recipients::parse(&[String::from_utf8_lossy(&damaged(PUBLIC.as_bytes(), &mutations))]);
    }
}
