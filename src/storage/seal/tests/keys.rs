//! Keys: what is taken for one, and that no secret is told.

use std::{
    fs::{self, Permissions},
    os::unix::fs::PermissionsExt as _,
    path::PathBuf,
};

use tempfile::TempDir;

use super::*;
use crate::model::failure::{Classified as _, Failure};

/// A pair that age's own documents show.
const PUBLIC: &str = "age1t7rxyev2z3rw82stdlrrepyc39nvn86l5078zqkf5uasdy86jp6svpy7pa";
const PRIVATE: &str = "AGE-SECRET-KEY-1GQ9778VQXMMJVE8SK7J6VT8UJ4HDQAJUVSFCWCM02D8GEWQ72PVQ2Y5J33";

/// A file with that text and those permissions.
fn file(text: &str, mode: u32) -> (TempDir, PathBuf) {
    let directory = tempfile::tempdir().unwrap();
    let path = directory.path().join("identity.txt");
    fs::write(&path, text).unwrap();
    fs::set_permissions(&path, Permissions::from_mode(mode)).unwrap();
    (directory, path)
}

fn loaded(text: &str) -> Result<Identities, SealError> {
    let (_directory, path) = file(text, 0o600);
    Identities::load(&path)
}

/// All that a user is told.
fn told(error: SealError) -> String {
    let debug = format!("{error:?}");
    format!("{} {debug}", Failure::from(error))
}

#[test]
fn recipients_are_read_and_shown_as_they_are_written() {
    let other = Identities::generate().recipients().to_string();
    let recipients = Recipients::parse(&[PUBLIC, &format!(" {other} "), PUBLIC]).unwrap();
    assert_eq!(recipients.names(), [PUBLIC, &other]);
    assert_eq!(recipients.to_string(), format!("{PUBLIC}, {other}"));
}

#[test]
fn what_is_no_recipient_is_named_unless_it_may_be_secret() {
    let refused = |text: &str| told(Recipients::parse(&[PUBLIC, text]).unwrap_err());
    let mistyped = PUBLIC.replace("7rx", "7rr");
    assert!(refused(&mistyped).contains(&mistyped));
    for secret in [PRIVATE, &PRIVATE.to_lowercase(), &PRIVATE[..40]] {
        let told = refused(secret);
        assert!(!told.to_lowercase().contains("gq9778"), "{told}");
        assert!(told.contains("item 2") && told.contains("secret"), "{told}");
    }
    for text in ["hunter2", "ssh-ed25519 AAAA", "", "agé1"] {
        let told = refused(text);
        assert!(told.contains("item 2"), "{told}");
        assert!(text.is_empty() || !told.contains(text), "{told}");
    }
    let none: [&str; 0] = [];
    assert_eq!(
        Recipients::parse(&none).unwrap_err().reason(),
        "INVALID_RECIPIENT"
    );
}

#[test]
fn an_identity_file_is_read_as_age_keygen_writes_it() {
    let text = format!(
        "# created: 2026-11-22T02:00:00Z\r\n# public key: {PUBLIC}\r\n{PRIVATE}\r\n\n  {PRIVATE}"
    );
    let identities = loaded(&text).unwrap();
    assert_eq!(identities.recipients().names(), [PUBLIC, PUBLIC]);
    assert_eq!(format!("{identities:?}"), "Identities(2)");
    let sealed = sealed(b"rows", 4, &Recipients::parse(&[PUBLIC]).unwrap());
    assert_eq!(unsealed(&sealed, &identities).unwrap(), b"rows");
}

#[test]
fn a_line_that_is_no_identity_is_named_by_its_number_alone() {
    let mistyped = PRIVATE.replace("GQ9778", "GQ9777");
    let error = loaded(&format!("# a comment\n{mistyped}\n")).unwrap_err();
    assert_eq!(error.reason(), "INVALID_IDENTITY");
    let told = told(error);
    assert!(told.contains("line 2") && !told.contains("GQ97"), "{told}");
    for text in ["", "# nothing\n", PUBLIC] {
        assert_eq!(loaded(text).unwrap_err().reason(), "INVALID_IDENTITY");
    }
}

#[test]
fn an_identity_file_that_others_can_read_is_refused() {
    for mode in [0o640, 0o604, 0o620, 0o601, 0o644] {
        let (_directory, path) = file(PRIVATE, mode);
        let error = Identities::load(&path).unwrap_err();
        assert_eq!(error.reason(), "IDENTITY_EXPOSED");
        let hint = error.hint().unwrap();
        assert_eq!(hint, format!("chmod 600 {}", path.display()));
        assert!(error.to_string().contains(&format!("{mode:04o}")));
    }
    let (_directory, path) = file(PRIVATE, 0o400);
    assert!(Identities::load(&path).is_ok());
}

#[test]
fn an_identity_file_that_cannot_be_read_is_named() {
    let (directory, path) = file(PRIVATE, 0o600);
    let missing = directory.path().join("missing");
    let error = Identities::load(&missing).unwrap_err();
    assert_eq!(error.reason(), "IDENTITY_UNREADABLE");
    assert!(error.to_string().contains("missing"));
    fs::write(&path, [0xff, 0xfe]).unwrap();
    assert_eq!(
        Identities::load(&path).unwrap_err().reason(),
        "IDENTITY_UNREADABLE"
    );
    fs::write(&path, " ".repeat(2 << 20)).unwrap();
    assert_eq!(
        Identities::load(&path).unwrap_err().reason(),
        "IDENTITY_UNREADABLE"
    );
}
