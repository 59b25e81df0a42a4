//! The filter between another tool's dump and a restricted psql.
//!
//! A pg_dump of today puts `\restrict KEY` before its first statement and `\unrestrict KEY` behind its last one. In a psql
//! that is restricted already both would be refused, so they are taken out, and nothing else is. psql refuses all its
//! commands but one, which wants a key that was made for this run; what it would run to learn the key, the filter refuses.

use bytes::Bytes;
use uuid::Uuid;

use super::{
    lexer::Lexer,
    watch::{Forbidden, Watch},
};
use crate::model::failure::{Classified, Kind};

/// What some editors put before a text in UTF-8. psql passes over it in the first line only, which is ours.
const BYTE_ORDER_MARK: &[u8] = &[0xef, 0xbb, 0xbf];
/// No line that is taken out is longer: pg_dump's keys have 63 characters.
const LONGEST_MARK: usize = 256;
/// How much of a command's name an error repeats.
const LONGEST_NAME: usize = 32;

/// A file that is no dump, or not all of one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum ForeignError {
    /// It ends before its end.
    #[error("the file is cut short: it ends in {0}")]
    CutShort(&'static str),
    /// It holds a command of psql's.
    #[error("the file holds psql's command \\{0}, which is not run")]
    Command(String),
    /// It holds a line that would have psql run a program.
    #[error("the file holds \\unrestrict with a program in backquotes, which psql would run")]
    Program,
    /// It holds a zero byte.
    #[error("the file holds a zero byte, which no SQL does")]
    Nul,
}

/// Makes of a file's bytes what a restricted psql is fed.
#[derive(Debug)]
pub struct ForeignSql {
    /// Our own first line, until it was given out.
    opening: Bytes,
    watch: Watch,
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
            watch: Watch::default(),
            lexer: Lexer::new(),
            mark: Some(0),
            held: None,
            key: None,
            closed: false,
        }
    }

    /// Takes the file's next bytes, cut anywhere; gives what is to be fed, in order. After an error nothing more is to be
    /// fed, and psql to be ended.
    pub fn push(&mut self, bytes: &Bytes) -> Result<Vec<Bytes>, ForeignError> {
        self.watch.pass(bytes)?;
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
                    self.release(whole, &mut fed)?;
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
        Ok(fed)
    }

    /// Ends the file; gives the rest that is to be fed. A dump that ends in the rows of a table, in a text or without its
    /// last line was cut: psql would take the end of the file for the end of the rows.
    pub fn finish(mut self) -> Result<Bytes, ForeignError> {
        let mut fed = vec![std::mem::take(&mut self.opening)];
        if let Some(met) = self.mark.filter(|&met| met > 0) {
            fed.push(Bytes::from_static(&BYTE_ORDER_MARK[..met]));
        }
        self.release(true, &mut fed)?;
        if let Some(place) = self.lexer.open_end() {
            return Err(ForeignError::CutShort(place));
        }
        if self.key.is_some() && !self.closed {
            return Err(ForeignError::CutShort(
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

    /// Decides on the line that is held, or on the beginning of a longer one: takes it out, or gives it out if it is no
    /// command. A command would be refused by psql too, and not be named.
    fn release(&mut self, whole: bool, fed: &mut Vec<Bytes>) -> Result<(), ForeignError> {
        let Some(line) = self.held.take() else {
            return Ok(());
        };
        let key = |command: &[u8]| key(&line, command).filter(|_| whole);
        if self.key.is_none() && !self.lexer.sql_seen() {
            if let Some(key) = key(b"\\restrict ") {
                self.key = Some(key.to_owned());
                return Ok(());
            }
        } else if !self.closed && self.key.is_some() {
            self.closed = key(b"\\unrestrict ") == self.key.as_deref();
            if self.closed {
                return Ok(());
            }
        }
        if let Some(command) = command(&line) {
            return Err(ForeignError::Command(command));
        }
        for &byte in &line {
            self.lexer.read(byte);
        }
        fed.push(line.into());
        Ok(())
    }
}

/// The name of the command that a line begins with. `\;` and `\:` are none.
fn command(line: &[u8]) -> Option<String> {
    let name = &line[1..];
    if name.is_empty() || name.starts_with(b";") || name.starts_with(b":") {
        return None;
    }
    let end = name.iter().position(|byte| !byte.is_ascii_graphic());
    let name = &name[..end.unwrap_or(name.len()).min(LONGEST_NAME)];
    Some(String::from_utf8_lossy(name).into_owned())
}

/// The key in a line that holds this command and nothing else.
fn key<'a>(line: &'a [u8], command: &[u8]) -> Option<&'a [u8]> {
    let key = line.strip_prefix(command)?;
    let key = key.strip_suffix(b"\n").unwrap_or(key);
    let key = key.strip_suffix(b"\r").unwrap_or(key);
    (!key.is_empty() && key.iter().all(u8::is_ascii_alphanumeric)).then_some(key)
}

impl From<Forbidden> for ForeignError {
    fn from(forbidden: Forbidden) -> Self {
        match forbidden {
            Forbidden::Nul => Self::Nul,
            Forbidden::Backquote => Self::Program,
        }
    }
}

impl Classified for ForeignError {
    fn kind(&self) -> Kind {
        match self {
            Self::CutShort(_) | Self::Nul => Kind::DataLoss,
            Self::Command(_) | Self::Program => Kind::FailedPrecondition,
        }
    }

    fn reason(&self) -> &'static str {
        match self {
            Self::CutShort(_) | Self::Nul => "BACKUP_DAMAGED",
            Self::Command(_) | Self::Program => "FOREIGN_COMMAND",
        }
    }

    fn hint(&self) -> Option<String> {
        Some(match self {
            Self::CutShort(_) | Self::Nul => {
                "get the whole file again from where it was made".to_owned()
            }
            Self::Command(_) => "make the dump of one database, without --create".to_owned(),
            Self::Program => {
                "look at the file: no tool writes such a line, but a row that tells of one may look like it".to_owned()
            }
        })
    }
}

#[cfg(test)]
mod tests;
