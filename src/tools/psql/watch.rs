//! A watch over the bytes of a file for the one thing that a restricted psql still runs: a program in backquotes behind
//! `\unrestrict`, which psql runs to learn the key that it then refuses (seen with 15.18).
//!
//! It does not ask where in the file it is, as the [`Lexer`](super::lexer::Lexer) does: a file that made the two of us see
//! different things would have won. It may refuse a text that only tells of such a line, and never lets one through.

use memchr::{memchr, memchr2};

const COMMAND: &[u8] = b"\\unrestrict";

/// What is forbidden.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Forbidden {
    /// A zero byte. No dump has one, and psql drops what follows it in a line, so that it sees other lines than we do.
    Nul,
    /// A program in backquotes.
    Backquote,
}

/// How far the file has been watched.
#[derive(Debug, Default)]
pub(super) struct Watch {
    /// How much of the command was met last.
    met: usize,
    /// The command was met, and its line has not ended.
    armed: bool,
    /// The last two bytes, the last one first; zero where there were none.
    before: [u8; 2],
}

impl Watch {
    /// Looks at the file's next bytes.
    pub(super) fn pass(&mut self, bytes: &[u8]) -> Result<(), Forbidden> {
        if memchr(0, bytes).is_some() {
            return Err(Forbidden::Nul);
        }
        let mut place = 0;
        while place < bytes.len() {
            let rest = &bytes[place..];
            if self.armed {
                let Some(end) = memchr2(b'\n', b'`', rest) else {
                    break;
                };
                if rest[end] == b'`' {
                    return Err(Forbidden::Backquote);
                }
                self.armed = false;
                place += end + 1;
            } else if self.met == COMMAND.len() {
                self.met = 0;
                // Any other byte makes it the name of another command, which is refused unread.
                self.armed = matches!(rest[0], b' ' | b'\t' | b'\r' | 0x0b | 0x0c);
            } else if self.met > 0 {
                if rest[0] == COMMAND[self.met] {
                    self.met += 1;
                    place += 1;
                } else {
                    self.met = 0;
                }
            } else {
                let Some(next) = memchr(b'\\', rest) else {
                    break;
                };
                place += next;
                self.met = usize::from(!self.escaped(bytes, place));
                place += 1;
            }
        }
        for &byte in &bytes[bytes.len().saturating_sub(2)..] {
            self.before = [byte, self.before[0]];
        }
        Ok(())
    }

    /// Whether the backslash at a place follows another one, as in the rows of a dump. For psql that one begins a command
    /// without a name, unless it is the second byte of a character in an encoding of East Asia.
    fn escaped(&self, bytes: &[u8], place: usize) -> bool {
        let back = |count: usize| match place.checked_sub(count) {
            Some(place) => bytes[place],
            None => self.before[count - place - 1],
        };
        back(1) == b'\\' && back(2).is_ascii()
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    /// What is found, whether the bytes come at once or one by one.
    fn watched(bytes: &[u8]) -> Result<(), Forbidden> {
        let at_once = Watch::default().pass(bytes);
        let mut watch = Watch::default();
        let one_by_one = bytes.chunks(1).try_for_each(|byte| watch.pass(byte));
        assert_eq!(at_once, one_by_one, "{}", String::from_utf8_lossy(bytes));
        at_once
    }

    #[test]
    fn a_program_behind_the_command_is_found_wherever_it_stands() {
        for text in [
            &b"\\unrestrict `touch x`\n"[..],
            b"SELECT 1; \\unrestrict\t'a b'`touch x`",
            b"\\unrestrict a\r`touch x`\n",
            b"\\unrestrict\x0b`",
            b"\\un\\unrestrict `",
            b"\\unrestrict a\n\\unrestrict `",
            b"SELECT '\\unrestrict ` that may be harmless';",
            // A character of two bytes in SJIS, and then the command.
            b"\x83\\\\unrestrict `",
        ] {
            assert_eq!(watched(text), Err(Forbidden::Backquote));
        }
        assert_eq!(watched(b"\\unre\0\nstrict `x`"), Err(Forbidden::Nul));
    }

    #[test]
    fn what_psql_does_not_run_passes() {
        for text in [
            &b"\\unrestrict abc\n"[..],
            b"\\unrestrict\n`",
            b"\\unrestrict abc\nSELECT '`';\n",
            b"\\unrestrict` is no command, and `code` no program",
            b"\\unrestricted `x`",
            b"\\restrict `x`",
            b"\\UNRESTRICT `x`",
            // As COPY writes a backslash.
            b"1\t\\\\unrestrict `x`\n",
            b"\\\\unrestrict `x`\n",
        ] {
            assert_eq!(watched(text), Ok(()), "{}", String::from_utf8_lossy(text));
        }
    }

    proptest! {
        #[test]
        fn where_the_bytes_are_cut_makes_no_difference(
            parts in prop::collection::vec(
                prop::sample::select(vec![
                    "\\", "\\unrestrict", "\\unre", "strict", " ", "`", "\n", "x", "é",
                ]),
                0..20,
            ),
        ) {
            let _ = watched(parts.concat().as_bytes());
        }
    }
}
