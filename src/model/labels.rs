//! Labels: what people write on a backup, so that they find it again. A few short texts under short keys.
//!
//! A key has 1 to 63 of the characters `a-z`, `0-9`, `_`, `.`, `-` and `/`, and begins with a letter or digit. A value has
//! at most 255 characters and no control characters; it may be empty. A backup has at most 32 labels.

use std::collections::BTreeMap;

use super::failure::Failure;

const MOST: usize = 32;
const LONGEST_KEY: usize = 63;
const LONGEST_VALUE: usize = 255;

/// A backup's labels, by key.
pub type Labels = BTreeMap<String, String>;

/// The labels after a change: those that are set replace or join the present ones, those that are removed go, whether they
/// were there or not. Wrong keys and values, and too many labels, are refused with the field's name.
pub fn changed(present: &Labels, set: &Labels, removed: &[String]) -> Result<Labels, Failure> {
    for (key, value) in set {
        check_key("labels", key)?;
        check_value(key, value)?;
        if removed.contains(key) {
            let both = format!("{key:?} is in labels too");
            return Err(Failure::invalid_field("remove_labels", both));
        }
    }
    for key in removed {
        check_key("remove_labels", key)?;
    }
    let mut labels = present.clone();
    labels.retain(|key, _| !removed.contains(key));
    labels.extend(set.clone());
    if labels.len() > MOST {
        let many = format!(
            "a backup has at most {MOST} labels, and would have {}",
            labels.len()
        );
        return Err(Failure::invalid_field("labels", many));
    }
    Ok(labels)
}

fn check_key(field: &str, key: &str) -> Result<(), Failure> {
    let plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit();
    let sound = (1..=LONGEST_KEY).contains(&key.len())
        && key
            .bytes()
            .all(|byte| plain(byte) || b"_.-/".contains(&byte))
        && key.bytes().next().is_some_and(plain);
    if sound {
        return Ok(());
    }
    Err(Failure::invalid_field(
        field,
        format!(
            "{key:?} is no key: 1 to {LONGEST_KEY} of a-z, 0-9, _, ., - and /, with a letter or digit first"
        ),
    ))
}

fn check_value(key: &str, value: &str) -> Result<(), Failure> {
    if value.chars().count() <= LONGEST_VALUE && !value.contains(char::is_control) {
        return Ok(());
    }
    Err(Failure::invalid_field(
        "labels",
        format!(
            "the value of {key:?} must have at most {LONGEST_VALUE} characters, and no control characters"
        ),
    ))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn labels(pairs: &[(&str, &str)]) -> Labels {
        pairs
            .iter()
            .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
            .collect()
    }

    fn refused(set: &[(&str, &str)], removed: &[&str]) -> String {
        let removed: Vec<String> = removed.iter().map(|key| (*key).to_owned()).collect();
        let failure = changed(&Labels::new(), &labels(set), &removed).unwrap_err();
        failure.fields[0].field.clone()
    }

    #[test]
    fn labels_are_set_replaced_and_removed_and_others_stay() {
        let present = labels(&[("a", "1"), ("b", "2"), ("c", "3")]);
        let set = labels(&[("b", "two"), ("d", "")]);
        let removed = ["c".to_owned(), "never-there".to_owned()];
        assert_eq!(
            changed(&present, &set, &removed).unwrap(),
            labels(&[("a", "1"), ("b", "two"), ("d", "")])
        );
    }

    #[test]
    fn keys_and_values_out_of_their_alphabet_or_length_are_refused() {
        let long = "k".repeat(64);
        for key in ["", "A", "-a", "/a", "a b", "ä", long.as_str()] {
            assert_eq!(refused(&[(key, "x")], &[]), "labels", "{key:?}");
            assert_eq!(refused(&[], &[key]), "remove_labels", "{key:?}");
        }
        let sound = labels(&[("example.org/team_1-x", "ä b"), (&long[1..], "")]);
        assert!(changed(&Labels::new(), &sound, &[]).is_ok());
        for value in ["a\nb", "\u{7f}", "x".repeat(256).as_str()] {
            assert_eq!(refused(&[("a", value)], &[]), "labels", "{value:?}");
        }
        assert!(changed(&Labels::new(), &labels(&[("a", &"ä".repeat(255))]), &[]).is_ok());
    }

    #[test]
    fn a_key_that_is_set_and_removed_at_once_is_refused() {
        assert_eq!(refused(&[("a", "1")], &["a"]), "remove_labels");
    }

    #[test]
    fn the_limit_is_on_what_is_there_in_the_end() {
        let keys: Vec<String> = (0..32).map(|number| format!("k{number}")).collect();
        let full: Labels = keys
            .iter()
            .map(|key| (key.clone(), String::new()))
            .collect();
        let one_more = labels(&[("another", "")]);
        assert!(changed(&full, &one_more, &[]).is_err());
        assert!(changed(&full, &one_more, &keys[..1]).is_ok());
        assert!(changed(&full, &labels(&[("k0", "x")]), &[]).is_ok());
    }
}
