//! That secrets are struck out in each form in which people write them, and nothing else is.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

#[test]
fn what_looks_like_a_secret_is_struck_out_and_nothing_else() {
    for (text, expected) in [
        (
            "see postgresql://ops:hunter2@db:5432/app for it",
            "see postgresql://ops:***@db:5432/app for it",
        ),
        ("https://a:b/c@host/x", "https://a:***@host/x"),
        ("https://host:5432/a:b", "https://host:5432/a:b"),
        ("https://user@host/", "https://user@host/"),
        (
            "CREATE ROLE r PASSWORD 'it''s' LOGIN",
            "CREATE ROLE r PASSWORD *** LOGIN",
        ),
        (
            "ALTER ROLE r PASSWORD E'a\\'b';",
            "ALTER ROLE r PASSWORD ***;",
        ),
        ("password $x$ a $x$ b", "password *** b"),
        (
            "host=db password=hunter2 user=a",
            "host=db password=*** user=a",
        ),
        (r#"{"token": "abc", "n": 1}"#, r#"{"token": ***, "n": 1}"#),
        ("Authorization: Bearer abc.def", "Authorization: Bearer ***"),
        ("AGE-SECRET-KEY-1QQQ, kept", "***, kept"),
        (
            "-----BEGIN RSA PRIVATE KEY-----\nMII\n-----END RSA PRIVATE KEY-----\nrest",
            "***\nrest",
        ),
        ("the password was rotated", "the password was rotated"),
        ("PASSWORD NULL", "PASSWORD NULL"),
        ("passwords: many", "passwords: many"),
        ("a plain reason, with é", "a plain reason, with é"),
        ("password='never ends", "password=***"),
    ] {
        assert_eq!(redacted(text), expected);
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// No secret of the ways in which they are written is left, whatever stands around it.
    #[test]
    fn no_secret_is_left(before in "[a-zé ]{0,9} ", after in " [a-z:=@/' ]{0,9}", secret in "[A-Z0-9]{12}", way in 0..5) {
        let text = match way {
            0 => format!("{before}postgres://u:{secret}@h/d{after}"),
            1 => format!("{before}PASSWORD '{secret}'{after}"),
            2 => format!("{before}password={secret}{after}"),
            3 => format!("{before}bearer {secret}{after}"),
            _ => format!("{before}secret: \"{secret}\"{after}"),
        };
        prop_assert!(!redacted(&text).contains(&secret), "{}", redacted(&text));
    }

    /// Any text at all is taken; what is redacted stays as it is.
    #[test]
    fn any_text_is_taken(text in "(\\PC|[:/@'\"$=\\\\ \n]|password|token|bearer |AGE-SECRET-KEY-|-----BEGIN |U&|E){0,30}") {
        let once = redacted(&text).into_owned();
        let _ = redacted(&once);
    }
}
