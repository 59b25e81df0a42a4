//! The filter between another tool's dump and a restricted psql.
//!
//! A pg_dump of today puts `\restrict KEY` before its first statement and `\unrestrict KEY` behind its last one. In a psql
//! that is restricted already both would be refused, so they are taken out, and nothing else is. The safety does not hang
//! on this filter: psql refuses all its commands but one, which wants a key that was made for this run.

use bytes::Bytes;
use uuid::Uuid;

use super::lexer::Lexer;
use crate::model::failure::{Classified, Kind};

/// What some editors put before a text in UTF-8. psql passes over it in the first line only, which is ours.
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
/// No line that is taken out is longer: pg_dump's keys have 63 characters.
const LONGEST_MARK: usize = 256;

/// A dump that ends before its end.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the file is cut short: it ends in {0}")]
pub struct CutShort(&'static str);

/// Makes of a file's bytes what a restricted psql is fed.
#[derive(Debug)]
pub struct ForeignSql {
    /// Our own first line, until it was given out.
    opening: Bytes,
    lexer: Lexer,
    /// How much of a byte order mark was met; none behind the file's first bytes.
    mark: Option<usize>,
    /// The beginning of a line that may have to be taken out.
    held: Option<Vec<u8>>,
    /// The key of the file's own first line, and whether its last one was met.
    key: Option<Vec<u8>>,
    closed: bool,
}

impl Default for ForeignSql {
    fn default() -> Self {
        Self::new()
    }
}

impl ForeignSql {
    /// A filter for one file, with a key of its own.
    pub fn new() -> Self {
        let key = Uuid::new_v4().simple();
        Self {
            opening: format!("\\restrict {key}\n").into(),
            lexer: Lexer::new(),
            mark: Some(0),
            held: None,
            key: None,
            closed: false,
        }
    }

    /// Takes the file's next bytes, cut anywhere; gives what is to be fed, in order.
    pub fn push(&mut self, bytes: &Bytes) -> Vec<Bytes> {
        let mut fed = vec![std::mem::take(&mut self.opening)];
        let mut place = self.pass_mark(bytes, &mut fed);
        // What lies before this place was given out, or taken out, or is held.
        let mut given = place;
        while place < bytes.len() {
            if let Some(held) = &mut self.held {
                held.push(bytes[place]);
                place += 1;
                given = place;
                let whole = held.ends_with(b"\n");
                if whole || held.len() > LONGEST_MARK {
                    self.release(whole, &mut fed);
                }
            } else if bytes[place] == b'\\' && self.lexer.at_command() {
                fed.push(bytes.slice(given..place));
                self.held = Some(Vec::new());
            } else {
                place += self.lexer.advance(&bytes[place..]);
            }
        }
        fed.push(bytes.slice(given..));
        fed.retain(|piece| !piece.is_empty());
        fed
    }

    /// Ends the file; gives the rest that is to be fed. A dump that ends in the rows of a table, in a text or without its
    /// last line was cut: psql would take the end of the file for the end of the rows.
    pub fn finish(mut self) -> Result<Bytes, CutShort> {
        let mut fed = vec![std::mem::take(&mut self.opening)];
        if let Some(met) = self.mark.filter(|&met| met > 0) {
            fed.push(Bytes::from_static(&BYTE_ORDER_MARK[..met]));
        }
        self.release(true, &mut fed);
        if let Some(place) = self.lexer.open_end() {
            return Err(CutShort(place));
        }
        if self.key.is_some() && !self.closed {
            return Err(CutShort(
                "its middle, without the line that pg_dump ends with",
            ));
        }
        Ok(fed.concat().into())
    }

    /// Takes a byte order mark away, even one that comes in pieces. Gives how many bytes are dealt with.
    fn pass_mark(&mut self, bytes: &[u8], fed: &mut Vec<Bytes>) -> usize {
        let Some(mut met) = self.mark else { return 0 };
        let mut place = 0;
        while let Some(byte) = bytes.get(place) {
            if *byte != BYTE_ORDER_MARK[met] {
                let text = &BYTE_ORDER_MARK[..met];
                self.lexer.advance(text);
                fed.push(Bytes::from_static(text));
                self.mark = None;
                return place;
            }
            (met, place) = (met + 1, place + 1);
            if met == BYTE_ORDER_MARK.len() {
                self.mark = None;
                return place;
            }
        }
        self.mark = Some(met);
        place
    }

    /// Decides on the line that is held, or on the beginning of a longer one: takes it out, or reads it and gives it out.
    fn release(&mut self, whole: bool, fed: &mut Vec<Bytes>) {
        let Some(line) = self.held.take() else { return };
        let key = |command: &[u8]| key(&line, command).filter(|_| whole);
        if self.key.is_none() && !self.lexer.sql_seen() {
            if let Some(key) = key(b"\\restrict ") {
                self.key = Some(key.to_owned());
                return;
            }
        } else if !self.closed && self.key.is_some() {
            self.closed = key(b"\\unrestrict ") == self.key.as_deref();
            if self.closed {
                return;
            }
        }
        for &byte in &line {
            self.lexer.read(byte);
        }
        fed.push(line.into());
    }
}

/// The key in a line that holds this command and nothing else.
fn key<'a>(line: &'a [u8], command: &[u8]) -> Option<&'a [u8]> {
    let key = line.strip_prefix(command)?;
    let key = key.strip_suffix(b"\n").unwrap_or(key);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    (!key.is_empty() && key.iter().all(u8::is_ascii_alphanumeric)).then_some(key)
}

impl Classified for CutShort {
    fn kind(&self) -> Kind {
        Kind::DataLoss
    }

    fn reason(&self) -> &'static str {
        "BACKUP_DAMAGED"
    }

    fn hint(&self) -> Option<String> {
        Some("get the whole file again from where it was made".to_owned())
    }
}

#[cfg(test)]
mod tests;
