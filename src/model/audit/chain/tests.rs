//! That every damage to a chain is found, and that a sound chain raises no alarm.
#![allow(clippy::unwrap_used)]

use proptest::prelude::*;

use super::*;

/// A sound chain of so many records.
fn chain(count: i64) -> Vec<Link> {
    let mut previous = Head::START.hash;
    let mut links = Vec::new();
    for number in 1..=count {
        let mut fields: [Option<String>; FIELDS.len()] =
            std::array::from_fn(|place| (place % 4 != 3).then(|| format!("field {place}")));
        fields[0] = Some(number.to_string());
        let mut link = Link {
            number,
            fields,
            hash: Vec::new(),
        };
        previous = link.reckon(&previous);
        link.hash = previous.to_vec();
        links.push(link);
    }
    links
}

fn look(links: &[Link], marks: &[Head]) -> Verdict {
    let mut checker = Checker::after(Head::START);
    for mark in marks {
        checker.expect(*mark, "a test");
    }
    for link in links {
        checker.take(link);
    }
    checker.finish()
}

fn found(verdict: &Verdict) -> Vec<(Damage, i64)> {
    let findings = verdict.findings.iter();
    findings.map(|f| (f.damage, f.number)).collect()
}

fn head(link: &Link) -> Head {
    Head {
        number: link.number,
        hash: link.hash.as_slice().try_into().unwrap(),
    }
}

#[test]
fn a_sound_chain_has_no_findings_and_its_head_is_its_last_record() {
    let links = chain(5);
    let verdict = look(&links, &[head(&links[2]), head(&links[4]), Head::START]);
    assert_eq!(found(&verdict), []);
    assert_eq!((verdict.records, verdict.head), (5, head(&links[4])));
    assert_eq!(look(&[], &[]).head, Head::START);
}

#[test]
fn each_damage_is_named_with_the_number_of_its_record() {
    let sound = chain(6);
    let mut changed = sound.clone();
    changed[2].fields[5] = Some("someone else".to_owned());
    assert_eq!(found(&look(&changed, &[])), [(Damage::Changed, 3)]);

    let mut rehashed = sound.clone();
    rehashed[2].hash = vec![7; 32];
    assert_eq!(found(&look(&rehashed, &[])), [(Damage::Changed, 3)]);

    let mut cut = sound.clone();
    cut.drain(1..3);
    let verdict = look(&cut, &[]);
    assert_eq!(found(&verdict), [(Damage::Gap, 2)]);
    assert_eq!(verdict.findings[0].message, "records 2 to 3 are missing");
    assert_eq!(found(&look(&sound[1..], &[])), [(Damage::Gap, 1)]);

    let mut swapped = sound.clone();
    let (one, other) = (swapped[2].clone(), swapped[3].clone());
    (swapped[2].fields, swapped[2].hash) = (other.fields, other.hash);
    (swapped[3].fields, swapped[3].hash) = (one.fields, one.hash);
    assert_eq!(found(&look(&swapped, &[]))[0], (Damage::Changed, 3));

    let last = head(&sound[5]);
    assert_eq!(found(&look(&sound[..4], &[last])), [(Damage::Truncated, 5)]);
    assert_eq!(found(&look(&[], &[last])), [(Damage::Truncated, 1)]);
}

#[test]
fn a_chain_that_was_made_anew_is_found_by_what_was_seen_of_the_old_one() {
    let seen = head(&chain(4)[3]);
    let mut anew = Vec::new();
    let mut previous = Head::START.hash;
    for mut link in chain(6) {
        link.fields[4] = Some("another".to_owned());
        previous = link.reckon(&previous);
        link.hash = previous.to_vec();
        anew.push(link);
    }
    assert_eq!(found(&look(&anew, &[])), []);
    assert_eq!(found(&look(&anew, &[seen])), [(Damage::Replaced, 4)]);
}

#[test]
fn what_is_missing_and_what_is_empty_are_not_the_same() {
    let [mut one, mut other] = [chain(1).remove(0), chain(1).remove(0)];
    (one.fields[1], other.fields[1]) = (None, Some(String::new()));
    assert_ne!(one.reckon(&[0; 32]), other.reckon(&[0; 32]));
    // And nothing moves from one field into the next.
    (one.fields[1], one.fields[2]) = (Some("ab".to_owned()), Some("c".to_owned()));
    (other.fields[1], other.fields[2]) = (Some("a".to_owned()), Some("bc".to_owned()));
    assert_ne!(one.reckon(&[0; 32]), other.reckon(&[0; 32]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    /// Whatever is done to a chain that was seen whole, it is found; and no look at it panics.
    #[test]
    fn no_damage_goes_unseen(
        place in 0_usize..8,
        other in 0_usize..8,
        field in 1_usize..FIELDS.len(),
        text in proptest::option::of(".{0,8}"),
        hash in proptest::collection::vec(any::<u8>(), 0..40),
        number in any::<i64>(),
        deed in 0..6,
    ) {
        let sound = chain(8);
        let mut links = sound.clone();
        match deed {
            0 => links[place].fields[field] = text,
            1 => links[place].hash = hash,
            2 => { links.remove(place); }
            3 => links.swap(place, other),
            4 => links.insert(place, links[other].clone()),
            _ => links[place].number = number,
        }
        let verdict = look(&links, &[head(&sound[7])]);
        prop_assert_eq!(links == sound, verdict.findings.is_empty());
    }
}
