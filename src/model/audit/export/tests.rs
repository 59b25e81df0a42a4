//! That an exported file checks as it was written, and no other way.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// A file of so many records after a given one.
fn exported(count: i64) -> String {
    let mut head = Head {
        number: 4,
        hash: [9; 32],
    };
    let mut text = first_line(head) + "\n";
    for number in 5..5 + count {
        let mut fields: [Option<String>; FIELDS.len()] =
            std::array::from_fn(|place| (place % 5 != 2).then(|| format!("é\n\"{place}")));
        fields[0] = Some(number.to_string());
        let mut link = Link {
            number,
            fields,
            hash: Vec::new(),
        };
        let hash = link.reckon(&head.hash);
        link.hash = hash.to_vec();
        head = Head { number, hash };
        text += &(record_line(&link) + "\n");
    }
    text + &last_line(head, count.unsigned_abs()) + "\n"
}

#[test]
fn an_export_checks_and_says_where_it_ends() {
    let verdict = check(exported(3).as_bytes()).unwrap();
    assert_eq!((verdict.records, verdict.head.number), (3, 7));
    assert_eq!(verdict.findings, []);
    let verdict = check(exported(0).as_bytes()).unwrap();
    assert_eq!((verdict.records, verdict.head.number), (0, 4));
}

#[test]
fn a_file_that_was_edited_or_cut_does_not_check() {
    let text = exported(3);
    let edited = text.replacen("\\\"6", "\\\"7", 1);
    let verdict = check(edited.as_bytes()).unwrap();
    assert_eq!(verdict.findings[0].damage, Damage::Changed);
    assert_eq!(verdict.findings[0].number, 5);

    let lines: Vec<&str> = text.lines().collect();
    let without = |place: usize| {
        let mut kept = lines.clone();
        kept.remove(place);
        kept.join("\n") + "\n"
    };
    let damage = |text: &str| check(text.as_bytes()).unwrap().findings[0].damage;
    assert_eq!(damage(&without(2)), Damage::Gap);
    assert_eq!(damage(&without(3)), Damage::Truncated);
    assert_eq!(damage(&without(4)), Damage::Truncated);
    let error = check(without(0).as_bytes()).unwrap_err();
    assert!(error.to_string().starts_with("line 1 is not"), "{error}");
    let error = check(&text.as_bytes()[..text.len() - 1]).unwrap_err();
    assert_eq!(error.to_string(), "line 5 has no end: the file was cut");
}

#[test]
fn a_place_is_a_number_and_a_hash() {
    let hash = "0f".repeat(32);
    let head = place(&format!("12:{hash}")).unwrap();
    assert_eq!((head.number, head.hash), (12, [15; 32]));
    for wrong in [
        "",
        "12",
        &format!("-1:{hash}"),
        "12:0f",
        &format!("x:{hash}"),
    ] {
        assert_eq!(place(wrong), None, "{wrong}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// A byte that was changed anywhere is found, as an error or as a finding, and never by a panic.
    #[test]
    fn no_changed_byte_goes_unseen(place in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let sound = exported(2).into_bytes();
        let mut bytes = sound.clone();
        let place = place.index(bytes.len());
        bytes[place] = byte;
        // Upper and lower case of a hash's digits are the same hash.
        prop_assume!(!bytes.eq_ignore_ascii_case(&sound));
        let outcome = check(bytes.as_slice());
        prop_assert!(outcome.is_err() || !outcome.unwrap().findings.is_empty());
    }

    /// Any bytes at all give an error that names the line.
    #[test]
    fn other_bytes_are_refused_by_line(bytes in prop::collection::vec(any::<u8>(), 0..200)) {
        let error = check(bytes.as_slice()).unwrap_err();
        prop_assert!(error.to_string().contains("line 1"), "{}", error);
    }
}
