//! The audit log's chain: how a record's hash is reckoned, and what a look along the chain finds.
//!
//! A record's hash is the SHA-256 of the hash before it and of the record's own fields in a form that no two records
//! share. It is made in the control store, by the function `audit_hash` of its revision, and reckoned again here from the
//! rows alone. Fields are compared as the texts that they are stored as, so that nothing is lost in between.

use std::fmt::Write as _;

use sha2::{Digest as _, Sha256};

/// The fields in the order of the hash, by the names of their columns.
pub const FIELDS: [&str; 17] = [
    "number",
    "kind",
    "entry",
    "happened_at",
    "recorded_at",
    "principal",
    "peer",
    "method",
    "database",
    "request",
    "outcome",
    "reason",
    "operation",
    "duration",
    "calls",
    "daemon",
    "source",
];

/// More findings than these are not kept: what is damaged from end to end need not be listed in full.
const MOST_FINDINGS: usize = 20;

/// A SHA-256.
pub type Hash = [u8; 32];

/// One record as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Link {
    /// Its number; the chain has every number from 1 on once.
    pub number: i64,
    /// All fields as text, in the order of [`FIELDS`].
    pub fields: [Option<String>; FIELDS.len()],
    /// The hash that is stored with it; damaged ones may have any length.
    pub hash: Vec<u8>,
}

impl Link {
    /// The hash that the record must have after one of the hash `previous`.
    pub fn reckon(&self, previous: &Hash) -> Hash {
        let mut canonical = String::new();
        for field in &self.fields {
            let _ = match field {
                Some(text) => write!(canonical, "{}:{text},", text.len()),
                None => write!(canonical, "-,"),
            };
        }
        Sha256::new()
            .chain_update(previous)
            .chain_update(canonical)
            .finalize()
            .into()
    }
}

/// A place in the chain: a record's number and hash. Number 0, of the hash of zeros, is before the first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Head {
    /// The record's number.
    pub number: i64,
    /// Its hash.
    pub hash: Hash,
}

impl Head {
    /// Before the first record.
    pub const START: Self = Self {
        number: 0,
        hash: [0; 32],
    };
}

/// What can be wrong with a chain.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Damage {
    /// A record is not what was recorded, or stands where another did.
    Changed,
    /// Records are missing before this one.
    Gap,
    /// Records that were there are missing at the end.
    Truncated,
    /// The record is sound in itself, but not the one that was seen here before: the chain was made anew.
    Replaced,
}

impl Damage {
    /// The stable name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Changed => "CHANGED",
            Self::Gap => "GAP",
            Self::Truncated => "TRUNCATED",
            Self::Replaced => "REPLACED",
        }
    }
}

/// One damage and its place.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Finding {
    /// What is wrong.
    pub damage: Damage,
    /// The number of the record where it shows: the first one that is wrong or missing.
    pub number: i64,
    /// What was found, for people.
    pub message: String,
}

/// A place that somebody saw, which must still be there.
#[derive(Clone, Debug)]
struct Mark {
    head: Head,
    seen_by: String,
}

/// What a look along a chain gave.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// How many records there were.
    pub records: u64,
    /// The last record.
    pub head: Head,
    /// What is wrong, in the order of the chain; at most twenty. Nothing where the chain is whole.
    pub findings: Vec<Finding>,
}

/// Looks along a chain, record by record, with the memory of one.
#[derive(Debug)]
pub struct Checker {
    head: Head,
    /// What the next record may follow on: the last hash as it is stored, and as it should be. Where only the stored one
    /// was touched, the record after it is not to blame.
    previous: [Hash; 2],
    /// False after a gap: what the next record followed on is not there.
    known: bool,
    records: u64,
    marks: Vec<Mark>,
    findings: Vec<Finding>,
}

impl Checker {
    /// Begins after a record: after [`Head::START`] for a whole chain.
    pub fn after(head: Head) -> Self {
        Self {
            head,
            previous: [head.hash; 2],
            known: true,
            records: 0,
            marks: Vec::new(),
            findings: Vec::new(),
        }
    }

    /// A place that the chain must have. `seen_by` completes "was seen by …".
    pub fn expect(&mut self, head: Head, seen_by: &str) {
        let seen_by = seen_by.to_owned();
        self.marks.push(Mark { head, seen_by });
    }

    /// The next record.
    pub fn take(&mut self, link: &Link) {
        self.records += 1;
        let (last, number) = (self.head.number, link.number);
        let next = last.saturating_add(1);
        if number < next {
            let message = format!("a record of number {number} stands after record {last}");
            self.find(Damage::Changed, number, message);
        } else if number > next {
            let message = match number - 1 {
                end if end == next => format!("record {next} is missing"),
                end => format!("records {next} to {end} are missing"),
            };
            self.find(Damage::Gap, next, message);
            self.known = false;
        }
        let stored = Hash::try_from(link.hash.as_slice()).ok();
        let mut reckoned = self.previous.map(|previous| link.reckon(&previous));
        if self.known && !reckoned.iter().any(|hash| Some(*hash) == stored) {
            let message = if last == 0 {
                format!("record {number} is not what was recorded")
            } else {
                format!(
                    "record {number} is not what was recorded, or does not follow on record {last}"
                )
            };
            self.find(Damage::Changed, number, message);
        } else if !self.known {
            // What it followed on is not there: it can but be taken as it is.
            reckoned = [stored.unwrap_or_default(); 2];
        }
        let hash = stored.unwrap_or(reckoned[0]);
        self.known = true;
        self.previous = [hash, reckoned[0]];
        self.head = Head { number, hash };
        self.compare();
    }

    /// Compares the record with what was seen of it.
    fn compare(&mut self) {
        let head = self.head;
        let replaced: Vec<String> = self
            .marks
            .iter()
            .filter(|mark| mark.head.number == head.number && mark.head.hash != head.hash)
            .map(|mark| {
                format!(
                    "record {} is another than the one that was seen by {}",
                    head.number, mark.seen_by
                )
            })
            .collect();
        for message in replaced {
            self.find(Damage::Replaced, head.number, message);
        }
    }

    fn find(&mut self, damage: Damage, number: i64, message: String) {
        if self.findings.len() < MOST_FINDINGS {
            self.findings.push(Finding {
                damage,
                number,
                message,
            });
        }
    }

    /// The end of the chain.
    pub fn finish(mut self) -> Verdict {
        let last = self.head.number;
        for mark in std::mem::take(&mut self.marks) {
            if mark.head.number > last {
                let message = format!(
                    "the log ends with record {last}, but record {} was seen by {}",
                    mark.head.number, mark.seen_by
                );
                self.find(Damage::Truncated, last.saturating_add(1), message);
            }
        }
        Verdict {
            records: self.records,
            head: self.head,
            findings: self.findings,
        }
    }
}

#[cfg(test)]
mod tests;
