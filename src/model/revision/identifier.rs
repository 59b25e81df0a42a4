//! The names in a revision script: ids, branch labels, and the slug of a file name.
//!
//! Ids stand in file names, in targets such as `billing@1a2b+3` and in the version table's `VARCHAR(32)`; the rules
//! here keep them readable in all three.

use thiserror::Error;

/// The width of `alembic_version.version_num`.
const LONGEST_ID: usize = 32;
/// Long enough to recognise a message, short enough for every file system.
const LONGEST_SLUG: usize = 40;
/// Words that targets give a meaning of their own.
const RESERVED: [&str; 3] = ["base", "head", "heads"];

/// Why a text cannot be an id or a label.
#[derive(Clone, Debug, PartialEq, Eq, Error)]
pub enum IdentifierError {
    /// Nothing there.
    #[error("the name is empty")]
    Empty,
    /// It would not fit into the version table.
    #[error("`{0}` is longer than {LONGEST_ID} characters")]
    TooLong(String),
    /// It would be ambiguous in a target, or unsafe in a file name.
    #[error("`{name}` contains {character:?}; letters, digits, `_` and `.` are allowed")]
    Character {
        /// The name as written.
        name: String,
        /// The first character that is not allowed.
        character: char,
    },
    /// A file of this name would be hidden.
    #[error("`{0}` begins with a dot")]
    LeadingDot(String),
    /// `base`, `head` or `heads`.
    #[error("`{0}` has a meaning of its own in targets")]
    Reserved(String),
    /// A label such as `release-2`, which a target would read as two steps below `release`.
    #[error("label `{0}` ends like a relative target")]
    RelativeLabel(String),
}

/// Checks a revision's id.
pub(super) fn check_revision(name: &str) -> Result<(), IdentifierError> {
    check(name, &['_', '.'])
}

/// Checks a branch label: as an id, but a dash is allowed where it cannot be taken for a relative target.
pub(super) fn check_label(name: &str) -> Result<(), IdentifierError> {
    check(name, &['_', '.', '-'])?;
    let digits = name.trim_end_matches(|character: char| character.is_ascii_digit());
    if digits.len() < name.len() && digits.ends_with('-') {
        return Err(IdentifierError::RelativeLabel(name.to_owned()));
    }
    Ok(())
}

fn check(name: &str, punctuation: &[char]) -> Result<(), IdentifierError> {
    if name.is_empty() {
        return Err(IdentifierError::Empty);
    }
    if let Some(character) = name
        .chars()
        .find(|character| !character.is_alphanumeric() && !punctuation.contains(character))
    {
        let name = name.to_owned();
        return Err(IdentifierError::Character { name, character });
    }
    if name.chars().count() > LONGEST_ID {
        return Err(IdentifierError::TooLong(name.to_owned()));
    }
    if name.starts_with('.') {
        return Err(IdentifierError::LeadingDot(name.to_owned()));
    }
    if RESERVED.contains(&name) {
        return Err(IdentifierError::Reserved(name.to_owned()));
    }
    Ok(())
}

/// A new random id: 12 lower-case hexadecimal digits, as Alembic makes them.
pub fn fresh_revision() -> String {
    format!("{:012x}", rand::random::<u64>() >> 16)
}

/// The part of a file name that says what the revision is for: the message's ASCII words in lower case, joined by `_`,
/// at most 40 characters, cut between words where possible. Empty when the message has no ASCII word.
pub fn slug(message: &str) -> String {
    let mut slug = String::new();
    for word in message
        .split(|character: char| !character.is_ascii_alphanumeric())
        .filter(|word| !word.is_empty())
    {
        let room = LONGEST_SLUG.saturating_sub(slug.len());
        if slug.is_empty() {
            slug.push_str(&word[..word.len().min(room)]);
        } else if word.len() < room {
            slug.push('_');
            slug.push_str(word);
        } else {
            break;
        }
    }
    slug.make_ascii_lowercase();
    slug
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ids_that_targets_or_file_names_could_not_carry_are_refused() {
        for bad in [
            "", "a@b", "a-b", "a+b", "a:b", "a b", "a/b", "a\\b", "a,b", ".a", "head", "heads",
            "base", "a\n",
        ] {
            assert!(check_revision(bad).is_err(), "{bad:?}");
        }
        assert_eq!(
            check_revision(&"a".repeat(33)),
            Err(IdentifierError::TooLong("a".repeat(33)))
        );
        for good in ["3f2a9c1d4e5b", "1.0.2", "0001_first", &"a".repeat(32), "ä1"] {
            assert_eq!(check_revision(good), Ok(()), "{good:?}");
        }
    }

    #[test]
    fn a_label_may_hold_a_dash_unless_it_reads_as_a_relative_target() {
        assert_eq!(check_label("my-branch"), Ok(()));
        assert_eq!(check_label("v2-x3"), Ok(()));
        assert!(check_label("release-2").is_err());
        assert!(check_label("a+b").is_err());
    }

    #[test]
    fn fresh_ids_are_twelve_hexadecimal_digits_and_differ() {
        let id = fresh_revision();
        assert_eq!(id.len(), 12);
        assert!(
            id.bytes()
                .all(|byte| byte.is_ascii_hexdigit() && !byte.is_ascii_uppercase())
        );
        assert_ne!(id, fresh_revision());
    }

    #[test]
    fn a_slug_is_the_messages_ascii_words_cut_between_words() {
        assert_eq!(slug("Add Orders; drop `x`"), "add_orders_drop_x");
        assert_eq!(slug("über-prüfung"), "ber_pr_fung");
        assert_eq!(slug("  "), "");
        assert_eq!(slug(&"a".repeat(50)), "a".repeat(40));
        assert_eq!(slug(&format!("{} bc", "a".repeat(38))), "a".repeat(38));
        assert_eq!(
            slug(&format!("{} b", "a".repeat(38))),
            format!("{}_b", "a".repeat(38))
        );
    }
}
