//! Damage to a valid sample: bytes flipped, cut, doubled and moved, and pieces put in that mean something to the reader.

use proptest::{prelude::*, sample::Index};

/// One damage.
#[derive(Clone, Debug)]
pub(super) enum Mutation {
    Flip(Index, u8),
    Insert(Index, Vec<u8>),
    Remove(Index, usize),
    Double(Index, usize, Index),
    Cut(Index),
}

/// One to four damages; `pieces` are what the reader looks for.
pub(super) fn mutations(pieces: &'static [&'static [u8]]) -> impl Strategy<Value = Vec<Mutation>> {
    let piece = prop_oneof![
        4 => prop::sample::select(pieces).prop_map(<[u8]>::to_vec),
        1 => prop::collection::vec(any::<u8>(), 1..8),
    ];
    let mutation = prop_oneof![
        2 => (any::<Index>(), 0_u8..8).prop_map(|(at, bit)| Mutation::Flip(at, bit)),
        4 => (any::<Index>(), piece).prop_map(|(at, bytes)| Mutation::Insert(at, bytes)),
        2 => (any::<Index>(), 1_usize..40).prop_map(|(at, length)| Mutation::Remove(at, length)),
        1 => (any::<Index>(), 1_usize..200, any::<Index>())
            .prop_map(|(at, length, to)| Mutation::Double(at, length, to)),
        1 => any::<Index>().prop_map(Mutation::Cut),
    ];
    prop::collection::vec(mutation, 1..5)
}

/// The sample with its damages.
pub(super) fn damaged(sample: &[u8], mutations: &[Mutation]) -> Vec<u8> {
    let mut bytes = sample.to_vec();
    for mutation in mutations {
        let place = |at: &Index, length: usize| at.index(length + 1);
        let length = bytes.len();
        match mutation {
            Mutation::Flip(at, bit) if length > 0 => bytes[at.index(length)] ^= 1 << bit,
            Mutation::Flip(..) => {}
            Mutation::Insert(at, piece) => {
                let at = place(at, length);
                bytes.splice(at..at, piece.iter().copied());
            }
            Mutation::Remove(at, count) => {
                let at = place(at, length);
                bytes.drain(at..(at + count).min(length));
            }
            Mutation::Double(at, count, to) => {
                let at = place(at, length);
                let piece = bytes[at..(at + count).min(length)].to_vec();
                let to = place(to, length);
                bytes.splice(to..to, piece);
            }
            Mutation::Cut(at) => bytes.truncate(place(at, length)),
        }
    }
    bytes
}
