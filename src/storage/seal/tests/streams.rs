//! Streams: what goes in comes out, wherever one begins to read, or else there is an error.

use std::io::{self, Seek as _, SeekFrom};

use proptest::prelude::*;

use super::*;
use crate::model::failure::Classified as _;

/// Where the last chunk begins, or a chunk more does.
const EDGES: [usize; 10] = [
    0,
    1,
    CHUNK - 1,
    CHUNK,
    CHUNK + 1,
    2 * CHUNK - 1,
    2 * CHUNK,
    2 * CHUNK + 1,
    3 * CHUNK,
    5 * CHUNK + 12_345,
];

#[test]
fn what_is_sealed_is_unsealed_at_every_edge_of_a_chunk() {
    let identities = Identities::generate();
    for length in EDGES {
        let plain = bytes(length);
        let sealed = sealed(&plain, 100_000, &identities.recipients());
        assert_eq!(unsealed(&sealed, &identities).unwrap(), plain, "{length}");
        let mut reader = seekable(&sealed, &identities);
        assert_eq!(reader.length().unwrap(), length as u64);
    }
}

#[test]
fn each_of_several_recipients_reads_it_alone_and_nobody_else_does() {
    let (one, other, stranger) = (
        Identities::generate(),
        Identities::generate(),
        Identities::generate(),
    );
    let both = [one.recipients().names(), other.recipients().names()].concat();
    let sealed = sealed(b"rows", 4, &Recipients::parse(&both).unwrap());
    assert_eq!(unsealed(&sealed, &one).unwrap(), b"rows");
    assert_eq!(unsealed(&sealed, &other).unwrap(), b"rows");
    let error = unsealed(&sealed, &stranger).unwrap_err();
    assert_eq!(error.reason(), "NO_IDENTITY");
}

#[test]
fn the_most_recipients_there_may_be_have_room_in_the_header() {
    let all: Vec<Identities> = (0..101).map(|_| Identities::generate()).collect();
    let mut names: Vec<String> = all
        .iter()
        .flat_map(|one| one.recipients().names())
        .collect();
    let error = Recipients::parse(&names).unwrap_err();
    assert_eq!(error.reason(), "INVALID_RECIPIENT");
    names.pop();
    let sealed = sealed(b"rows", 4, &Recipients::parse(&names).unwrap());
    assert_eq!(unsealed(&sealed, &all[99]).unwrap(), b"rows");
}

#[test]
fn nothing_of_the_plain_bytes_is_in_the_sealed_ones() {
    let identities = Identities::generate();
    let plain = b"INSERT INTO people VALUES ('Ada')".repeat(10_000);
    let sealed = sealed(&plain, 10_000, &identities.recipients());
    assert!(plain.len() < sealed.len());
    assert!(memchr::memmem::find(&sealed, b"INSERT").is_none());
    assert!(memchr::memmem::find(&sealed, b"people").is_none());
}

#[test]
fn a_sealer_gives_what_it_has_and_keeps_less_than_a_chunk_more() {
    let recipients = Identities::generate().recipients();
    let mut sealer = Sealer::new(&recipients).unwrap();
    let (mut given, mut taken) = (0, 0);
    for _ in 0..100 {
        taken += 50_000;
        given += sealer.seal(&bytes(50_000)).unwrap().len();
        assert!(given + CHUNK + 16 > taken, "{given} of {taken}");
    }
}

#[test]
fn a_stream_that_was_cut_anywhere_is_damaged() {
    let identities = Identities::generate();
    let plain = bytes(2 * CHUNK);
    let sealed = sealed(&plain, CHUNK, &identities.recipients());
    let header = sealed.len() - 2 * (CHUNK + 16);
    for length in [
        0,
        1,
        header / 2,
        header - 1,
        header,
        header + 1,
        header + CHUNK + 15,
        // Whole chunks, and yet not all of them.
        header + CHUNK + 16,
        header + CHUNK + 17,
        sealed.len() - 1,
    ] {
        let error = unsealed(&sealed[..length], &identities).unwrap_err();
        assert_eq!(error.reason(), "BACKUP_DAMAGED", "{length}: {error}");
        if length > header {
            let mut reader = seekable(&sealed[..length], &identities);
            let error = SealError::of_reader(reader.seek(SeekFrom::Start(5)).unwrap_err());
            assert_eq!(error.reason(), "BACKUP_DAMAGED", "{length}: {error}");
            assert!(reader.read(&mut [0; 10]).is_err());
        }
    }
}

#[test]
fn a_stream_with_something_behind_it_is_damaged() {
    let identities = Identities::generate();
    for length in [10, CHUNK] {
        let mut sealed = sealed(&bytes(length), CHUNK, &identities.recipients());
        sealed.extend_from_slice(&sealed.clone());
        let error = unsealed(&sealed, &identities).unwrap_err();
        assert_eq!(error.reason(), "BACKUP_DAMAGED");
    }
}

#[test]
fn bytes_that_only_begin_like_a_header_are_not_read_to_their_end() {
    let endless = b"age-encryption.org/v1\n".chain(io::repeat(b'a'));
    let error = Unsealer::open(endless, &Identities::generate()).unwrap_err();
    assert_eq!(error.reason(), "BACKUP_DAMAGED");
    let stanzas = b"-> X25519 AAAA\nAAAA\n".repeat(100_000);
    let many = b"age-encryption.org/v1\n".chain(&stanzas[..]);
    let error = Unsealer::open(many, &Identities::generate()).unwrap_err();
    assert_eq!(error.reason(), "BACKUP_DAMAGED");
}

#[test]
fn a_source_that_fails_is_no_damage() {
    struct Failing;
    impl io::Read for Failing {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::ErrorKind::ConnectionReset.into())
        }
    }
    let identities = Identities::generate();
    let error = Unsealer::open(Failing, &identities).unwrap_err();
    assert_eq!(error.reason(), "STORE_UNAVAILABLE");
    let sealed = sealed(&bytes(CHUNK), CHUNK, &identities.recipients());
    let mut reader = Unsealer::open(sealed[..CHUNK].chain(Failing), &identities).unwrap();
    let error = reader.read(&mut [0; 10]).unwrap_err();
    assert_eq!(error.kind(), io::ErrorKind::ConnectionReset);
    assert_eq!(SealError::of_reader(error).reason(), "STORE_UNAVAILABLE");
}

#[test]
fn a_seek_past_the_end_finds_nothing_and_one_before_the_start_is_refused() {
    let identities = Identities::generate();
    for length in EDGES {
        let sealed = sealed(&bytes(length), CHUNK, &identities.recipients());
        let mut reader = seekable(&sealed, &identities);
        for past in [0, 1, 1000, CHUNK as u64, 1 << 40] {
            let target = length as u64 + past;
            assert_eq!(reader.seek(SeekFrom::Start(target)).unwrap(), target);
            assert_eq!(reader.read(&mut [0; 10]).unwrap(), 0);
        }
        reader.seek(SeekFrom::Start(0)).unwrap();
        assert!(reader.seek(SeekFrom::Current(-1)).is_err());
        let mut plain = Vec::new();
        reader.read_to_end(&mut plain).unwrap();
        assert_eq!(plain, bytes(length));
    }
}

#[test]
fn a_text_is_unsealed_to_what_it_was() {
    let identities = Identities::generate();
    for plain in [&b""[..], b"{}", &bytes(CHUNK + 5)] {
        let text = seal_text(plain, &identities.recipients()).unwrap();
        assert!(text.is_ascii());
        assert_eq!(unseal_text(&text, &identities).unwrap(), plain);
        let reason = |text: &str| unseal_text(text, &identities).unwrap_err().reason();
        assert_eq!(reason(&text[..text.len() - 4]), "BACKUP_DAMAGED");
        assert_eq!(reason("no base64"), "BACKUP_DAMAGED");
        assert_eq!(reason(""), "BACKUP_DAMAGED");
        let stranger = Identities::generate();
        let error = unseal_text(&text, &stranger).unwrap_err();
        assert_eq!(error.reason(), "NO_IDENTITY");
    }
}

/// A length near an edge, or any.
fn length() -> impl Strategy<Value = usize> {
    prop_oneof![prop::sample::select(&EDGES[..]), 0..4 * CHUNK]
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn pieces_of_any_size_are_one_stream(length in length(), piece in 1..3 * CHUNK) {
        let identities = Identities::generate();
        let plain = bytes(length);
        let sealed = sealed(&plain, piece, &identities.recipients());
        prop_assert_eq!(unsealed(&sealed, &identities).unwrap(), plain);
    }

    #[test]
    fn every_place_reads_the_same_in_any_order(
        length in length(),
        places in prop::collection::vec((any::<prop::sample::Index>(), 1..CHUNK + 10, 0..3), 1..12),
    ) {
        let identities = Identities::generate();
        let plain = bytes(length);
        let sealed = sealed(&plain, CHUNK, &identities.recipients());
        let mut reader = seekable(&sealed, &identities);
        for (place, count, whence) in places {
            let place = place.index(length + 1);
            let target = match whence {
                0 => SeekFrom::Start(place as u64),
                1 => SeekFrom::End(i64::try_from(place).unwrap() - i64::try_from(length).unwrap()),
                _ => {
                    let now = i64::try_from(reader.stream_position().unwrap()).unwrap();
                    SeekFrom::Current(i64::try_from(place).unwrap() - now)
                }
            };
            prop_assert_eq!(reader.seek(target).unwrap(), place as u64);
            let mut read = Vec::new();
            reader.by_ref().take(count as u64).read_to_end(&mut read).unwrap();
            let expected = &plain[place..(place + count).min(length)];
            prop_assert!(read == expected, "{} bytes at {}", count, place);
        }
    }

    #[test]
    fn a_flipped_bit_anywhere_is_damage(
        length in length(),
        place in any::<prop::sample::Index>(),
        bit in 0..8_u32,
    ) {
        let identities = Identities::generate();
        let mut sealed = sealed(&bytes(length), CHUNK, &identities.recipients());
        let place = place.index(sealed.len());
        sealed[place] ^= 1_u8 << bit;
        let error = unsealed(&sealed, &identities).unwrap_err();
        // In the header it may also look like a stream for somebody else.
        prop_assert!(["BACKUP_DAMAGED", "NO_IDENTITY"].contains(&error.reason()));
    }
}
