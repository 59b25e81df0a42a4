//! Export: the audit log as lines of JSON, which can be checked without a daemon.
//!
//! The first line says after which record the file begins, the last one where it ends; each line in between is a record
//! with all its fields and its hash. The request is a string that holds JSON: its bytes are part of the hash.

use std::{
    fmt::Write as _,
    io::{self, BufRead, Read as _},
};

use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};

use super::chain::{Checker, Damage, FIELDS, Finding, Hash, Head, Link, Verdict};

/// The version of the format.
const FORMAT: u32 = 1;
/// Longer lines are refused: no record comes near.
const LONGEST_LINE: u64 = 64 << 20;
/// The fields that are written as numbers.
const NUMBERS: [&str; 4] = ["number", "entry", "duration", "calls"];

/// Why a file cannot be checked.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// It cannot be read.
    #[error("cannot read line {line}")]
    Read {
        /// Which line, from 1 on.
        line: u64,
        /// The cause.
        source: io::Error,
    },
    /// A line is not what an export has there.
    #[error("line {line} {problem}")]
    Line {
        /// Which line, from 1 on.
        line: u64,
        /// What is wrong with it.
        problem: String,
    },
}

/// A place in the chain as it is written.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Place {
    number: i64,
    hash: String,
}

impl Place {
    fn of(head: Head) -> Self {
        Self {
            number: head.number,
            hash: hexadecimal(&head.hash),
        }
    }

    fn head(&self) -> Option<Head> {
        let hash: Hash = bytes(&self.hash)?.try_into().ok()?;
        Some(Head {
            number: self.number,
            hash,
        })
    }
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct First {
    pgsteward_audit: u32,
    after: Place,
}

#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Last {
    head: Place,
    records: u64,
}

/// The first line, without its end.
pub fn first_line(after: Head) -> String {
    line_of(&First {
        pgsteward_audit: FORMAT,
        after: Place::of(after),
    })
}

/// The line of a record, without its end.
pub fn record_line(link: &Link) -> String {
    let mut text = String::from("{");
    for (name, field) in FIELDS.iter().zip(&link.fields) {
        let value = match field {
            None => Value::Null,
            Some(field) => match field.parse::<i64>() {
                Ok(number) if NUMBERS.contains(name) => number.into(),
                _ => Value::from(field.as_str()),
            },
        };
        let _ = write!(text, "\"{name}\":{value},");
    }
    let _ = write!(text, "\"hash\":\"{}\"}}", hexadecimal(&link.hash));
    text
}

/// The last line, without its end.
pub fn last_line(head: Head, records: u64) -> String {
    line_of(&Last {
        head: Place::of(head),
        records,
    })
}

fn line_of(value: &impl Serialize) -> String {
    // Only a map with keys that are no strings could fail to become JSON.
    serde_json::to_string(value).unwrap_or_default()
}

/// A place in the chain as people write it: `number:hash`.
pub fn place(text: &str) -> Option<Head> {
    let (number, hash) = text.split_once(':')?;
    let place = Place {
        number: number.parse().ok()?,
        hash: hash.to_owned(),
    };
    place.head().filter(|head| head.number >= 0)
}

/// A hash in hexadecimal digits.
pub fn hexadecimal(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

/// The bytes of hexadecimal digits.
pub fn bytes(text: &str) -> Option<Vec<u8>> {
    if !text.len().is_multiple_of(2) || !text.bytes().all(|byte| byte.is_ascii_hexdigit()) {
        return None;
    }
    let pairs = (0..text.len()).step_by(2);
    pairs
        .map(|place| u8::from_str_radix(text.get(place..place + 2)?, 16).ok())
        .collect()
}

/// Looks along the chain of an exported file. Its memory is that of one line.
pub fn check(mut file: impl BufRead) -> Result<Verdict, ExportError> {
    let mut number = 0;
    let mut next = || {
        number += 1;
        read_line(&mut file, number).map(|text| (number, text))
    };
    let (line, text) = next()?;
    let problem = |line, problem: &str| ExportError::Line {
        line,
        problem: problem.to_owned(),
    };
    let first: First = text
        .as_deref()
        .and_then(|text| serde_json::from_str(text).ok())
        .ok_or_else(|| problem(line, "is not the first line of an exported audit log"))?;
    if first.pgsteward_audit != FORMAT {
        return Err(problem(line, "is of a format that is not known here"));
    }
    let after = first.after.head();
    let after = after.ok_or_else(|| problem(line, "has no hash of 64 hexadecimal digits"))?;
    let mut checker = Checker::after(after);
    let last = loop {
        let (line, text) = next()?;
        let Some(text) = text else { break None };
        if let Ok(last) = serde_json::from_str::<Last>(&text) {
            break Some(last);
        }
        checker.take(&link(&text).ok_or_else(|| problem(line, "is no record of an audit log"))?);
    };
    let mut verdict = checker.finish();
    let mut find = |damage, message: &str| {
        verdict.findings.push(Finding {
            damage,
            number: verdict.head.number,
            message: message.to_owned(),
        });
    };
    match last {
        None => find(Damage::Truncated, "the file has no last line"),
        Some(last) => {
            if last.head.head() != Some(verdict.head) || last.records != verdict.records {
                find(
                    Damage::Truncated,
                    "the file's last line tells of another end than its records have",
                );
            }
            let (line, more) = next()?;
            if more.is_some() {
                return Err(problem(line, "stands after the last line of the log"));
            }
        }
    }
    Ok(verdict)
}

/// The next line without its end; none at the end of the file.
fn read_line(file: &mut impl BufRead, line: u64) -> Result<Option<String>, ExportError> {
    let mut text = String::new();
    let count = file
        .take(LONGEST_LINE)
        .read_line(&mut text)
        .map_err(|source| ExportError::Read { line, source })?;
    if count == 0 {
        return Ok(None);
    }
    match text.strip_suffix('\n') {
        Some(text) => Ok(Some(text.to_owned())),
        None => Err(ExportError::Line {
            line,
            problem: "has no end: the file was cut".to_owned(),
        }),
    }
}

fn link(text: &str) -> Option<Link> {
    let mut object: Map<String, Value> = serde_json::from_str(text).ok()?;
    if object.len() != FIELDS.len() + 1 {
        return None;
    }
    let number = object.get("number")?.as_i64()?;
    let Value::String(hash) = object.remove("hash")? else {
        return None;
    };
    let mut fields: [Option<String>; FIELDS.len()] = Default::default();
    for (field, name) in fields.iter_mut().zip(FIELDS) {
        *field = match object.remove(name)? {
            Value::Null => None,
            Value::String(text) => Some(text),
            Value::Number(number) => Some(number.to_string()),
            _ => return None,
        };
    }
    Some(Link {
        number,
        fields,
        hash: bytes(&hash)?,
    })
}

#[cfg(test)]
mod tests;
