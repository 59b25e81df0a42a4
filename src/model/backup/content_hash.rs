//! A hash over the rows of a table that does not depend on their order.
//!
//! Each row, as COPY's text format has it and without its line end, is hashed by XXH3 to 128 bits; the sum of all rows'
//! hashes, modulo 2^128, is the table's. So parts of a table can be hashed on their own and added, and two tables with the
//! same rows have the same hash wherever each row lies. It is there to find rows that were lost, doubled or changed. It is
//! no defence against someone who makes up rows: that is what the archive's SHA-256 is for.

use std::{fmt, ops::AddAssign, str::FromStr};

use memchr::memchr;
use serde::{Deserialize, Serialize};
use xxhash_rust::xxh3::{Xxh3, xxh3_128};

/// A sum of rows' hashes. Prints as 32 hexadecimal digits.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct ContentHash(u128);

impl AddAssign for ContentHash {
    fn add_assign(&mut self, other: Self) {
        self.0 = self.0.wrapping_add(other.0);
    }
}

impl fmt::Display for ContentHash {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{:032x}", self.0)
    }
}

/// A text that is no content hash.
#[derive(Debug, thiserror::Error)]
#[error("a content hash has 32 hexadecimal digits")]
pub struct InvalidContentHash;

impl FromStr for ContentHash {
    type Err = InvalidContentHash;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        if text.len() != 32 || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
            return Err(InvalidContentHash);
        }
        u128::from_str_radix(text, 16)
            .map(Self)
            .map_err(|_| InvalidContentHash)
    }
}

impl TryFrom<String> for ContentHash {
    type Error = InvalidContentHash;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<ContentHash> for String {
    fn from(hash: ContentHash) -> Self {
        hash.to_string()
    }
}

/// How many rows there were, and the sum of their hashes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct RowSum {
    /// Rows.
    pub rows: u64,
    /// The sum.
    pub hash: ContentHash,
}

impl AddAssign for RowSum {
    fn add_assign(&mut self, other: Self) {
        self.rows += other.rows;
        self.hash += other.hash;
    }
}

/// Hashes rows as they stream by, cut anywhere. A row that spans pieces is not kept, only its hash's state.
#[derive(Default)]
pub struct RowHasher {
    sum: RowSum,
    /// The beginning of a row whose end has not come yet.
    begun: Option<Box<Xxh3>>,
}

impl RowHasher {
    /// Takes the next bytes: rows, each ended by a line feed, which COPY's text format has nowhere else.
    pub fn update(&mut self, mut bytes: &[u8]) {
        while let Some(end) = memchr(b'\n', bytes) {
            let (row, rest) = (&bytes[..end], &bytes[end + 1..]);
            let hash = match self.begun.take() {
                None => xxh3_128(row),
                Some(mut begun) => {
                    begun.update(row);
                    begun.digest128()
                }
            };
            self.sum += RowSum {
                rows: 1,
                hash: ContentHash(hash),
            };
            bytes = rest;
        }
        if !bytes.is_empty() {
            self.begun.get_or_insert_default().update(bytes);
        }
    }

    /// Whether a row has begun and not ended.
    pub fn is_inside_row(&self) -> bool {
        self.begun.is_some()
    }

    /// The sum of all rows that have ended.
    pub fn sum(&self) -> RowSum {
        self.sum
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]

    use proptest::prelude::*;

    use super::*;

    fn sum(pieces: &[&[u8]]) -> RowSum {
        let mut hasher = RowHasher::default();
        for piece in pieces {
            hasher.update(piece);
        }
        hasher.sum()
    }

    #[test]
    fn the_hash_of_known_rows_never_changes() {
        // Manifests keep it for years; another value here would make every old backup look damaged.
        assert_eq!(
            sum(&[b"1\tone\n2\t\\N\n"]).hash.to_string(),
            "66d46ba54ddb3079d301b40820c9b93f"
        );
    }

    #[test]
    fn a_hash_reads_back_as_it_prints_and_nothing_else_is_one() {
        let hash = sum(&[b"a\n"]).hash;
        assert_eq!(hash.to_string().parse::<ContentHash>().unwrap(), hash);
        for text in ["", "0", "+0000000000000000000000000000000", &"g".repeat(32)] {
            assert!(text.parse::<ContentHash>().is_err(), "{text:?}");
        }
    }

    proptest! {
        #[test]
        fn neither_the_order_of_rows_nor_the_cuts_between_pieces_matter(
            mut rows in prop::collection::vec("[a-z\t\\\\]{0,40}", 0..20),
            cut in any::<prop::sample::Index>(),
        ) {
            let text = |rows: &[String]| rows.iter().fold(String::new(), |text, row| text + row + "\n");
            let whole = text(&rows);
            let at = cut.index(whole.len() + 1);
            let expected = sum(&[whole.as_bytes()]);
            prop_assert_eq!(sum(&[&whole.as_bytes()[..at], &whole.as_bytes()[at..]]), expected);
            rows.reverse();
            prop_assert_eq!(sum(&[text(&rows).as_bytes()]), expected);
            prop_assert_eq!(expected.rows, rows.len() as u64);
        }

        #[test]
        fn a_row_that_is_changed_lost_or_doubled_shows(
            rows in prop::collection::vec("[a-z]{1,10}", 1..10),
            place in any::<prop::sample::Index>(),
        ) {
            let text = |rows: &[String]| rows.iter().fold(String::new(), |text, row| text + row + "\n");
            let expected = sum(&[text(&rows).as_bytes()]);
            let at = place.index(rows.len());
            let mut other = rows.clone();
            other[at].push('x');
            prop_assert_ne!(sum(&[text(&other).as_bytes()]), expected);
            other.remove(at);
            prop_assert_ne!(sum(&[text(&other).as_bytes()]), expected);
            other = rows.clone();
            other.push(rows[at].clone());
            prop_assert_ne!(sum(&[text(&other).as_bytes()]), expected);
        }
    }
}
