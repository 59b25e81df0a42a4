//! How large the parts of an upload are, and how many are on their way at once.
//!
//! S3 takes 10,000 parts of at most 5 GiB, and an object of at most 5 TiB. Parts begin with 8 MiB and double with each
//! thousand, so that the memory that an upload takes follows what it has written: the part that is being collected and
//! those on their way, 40 MiB for archives of up to 23 GiB, 64 MiB up to 55 GiB, 128 MiB up to 117 GiB, and from there on
//! about an 900th of the archive's size. A directory has no such limits, and its parts stay as they begin.

/// Bytes of the first part; S3 wants at least 5 MiB of all but the last.
const FIRST_PART_BYTES: usize = 8 * 1024 * 1024;
/// Parts after which their size doubles.
const PARTS_PER_SIZE: usize = 1000;
/// Bytes that may be on their way at once, where a single part has no more.
const ON_THEIR_WAY_BYTES: usize = 32 * 1024 * 1024;

/// The sizes of an upload's parts.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum PartSizes {
    /// All the same.
    Constant,
    /// Growing, for a store that counts parts.
    Growing,
}

impl PartSizes {
    /// Bytes of the part of that number, from 0.
    pub(super) fn of(self, number: usize) -> usize {
        match self {
            Self::Constant => FIRST_PART_BYTES,
            Self::Growing => FIRST_PART_BYTES << (number / PARTS_PER_SIZE).min(9),
        }
    }

    /// How many parts may be on their way while the one of that number is being collected.
    pub(super) fn at_once(self, number: usize) -> usize {
        (ON_THEIR_WAY_BYTES / self.of(number)).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: u64 = 1024 * 1024;
    const MOST_PARTS: usize = 10_000;

    fn total(parts: usize) -> u64 {
        (0..parts)
            .map(|number| PartSizes::Growing.of(number) as u64)
            .sum()
    }

    #[test]
    fn ten_thousand_parts_reach_the_largest_object_that_s3_takes() {
        assert!(total(MOST_PARTS) >= 5 * 1024 * 1024 * MIB);
        for number in 0..MOST_PARTS {
            let bytes = PartSizes::Growing.of(number) as u64;
            assert!((5 * MIB..=5 * 1024 * MIB).contains(&bytes), "{number}");
        }
    }

    #[test]
    fn memory_follows_what_was_written() {
        for number in 0..MOST_PARTS {
            let part = PartSizes::Growing.of(number);
            let held = (part * (1 + PartSizes::Growing.at_once(number))) as u64;
            let bound = (40 * MIB).max(total(number) / 400);
            assert!(held <= bound.max(64 * MIB), "part {number}: {held}");
        }
        assert_eq!(PartSizes::Growing.of(0) as u64, 8 * MIB);
        assert_eq!(PartSizes::Growing.at_once(0), 4);
    }

    #[test]
    fn the_parts_of_a_directory_stay_as_they_begin() {
        assert_eq!(PartSizes::Constant.of(9_999), PartSizes::Constant.of(0));
        assert_eq!(PartSizes::Constant.at_once(9_999), 4);
    }
}
