//! SQL cut into tokens, each with its place: what scripts and statements are found by.
//!
//! squawk's lexer does the work and agrees with PostgreSQL's `scan.l`. Two things are added: line numbers, and a string
//! that is continued on the next line, which in PostgreSQL keeps the backslash escapes of its `E'…'` beginning.

use squawk_lexer::{LiteralKind, TokenKind, tokenize};

/// One token and where it stands.
#[derive(Clone, Copy, Debug)]
pub(in crate::model) struct Lexeme<'a> {
    pub(in crate::model) kind: TokenKind,
    pub(in crate::model) text: &'a str,
    /// Offset of its first byte.
    pub(in crate::model) start: usize,
    /// The line of its first byte, from 1.
    pub(in crate::model) line: usize,
}

impl Lexeme<'_> {
    /// The offset after its last byte.
    pub(in crate::model) fn end(&self) -> usize {
        self.start + self.text.len()
    }

    /// True for white space and comments.
    pub(in crate::model) fn is_blank(&self) -> bool {
        matches!(
            self.kind,
            TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment { .. }
        )
    }

    /// What this token begins and the text never ends, if so.
    pub(in crate::model) fn unterminated(&self) -> Option<&'static str> {
        match self.kind {
            TokenKind::BlockComment { terminated: false } => Some("comment"),
            TokenKind::QuotedIdent {
                terminated: false, ..
            } => Some("quoted identifier"),
            TokenKind::Literal { kind } => match kind {
                LiteralKind::DollarQuotedString { terminated: false } => {
                    Some("dollar-quoted string")
                }
                LiteralKind::Str { terminated: false }
                | LiteralKind::NationalStr { terminated: false }
                | LiteralKind::ByteStr { terminated: false }
                | LiteralKind::BitStr { terminated: false }
                | LiteralKind::UnicodeEscStr { terminated: false }
                | LiteralKind::EscStr { terminated: false } => Some("string"),
                _ => None,
            },
            _ => None,
        }
    }
}

/// All tokens of `sql`, without gaps, in order.
pub(in crate::model) fn lexemes(sql: &str) -> impl Iterator<Item = Lexeme<'_>> {
    Lexer {
        sql,
        position: 0,
        line: 1,
        continuation: Continuation::None,
    }
}

/// Whether a quote that comes next would continue an escape string.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Continuation {
    None,
    /// Right after the string, on its line.
    SameLine,
    /// After the string and at least one line break.
    NextLine,
}

struct Lexer<'a> {
    sql: &'a str,
    position: usize,
    line: usize,
    continuation: Continuation,
}

impl<'a> Iterator for Lexer<'a> {
    type Item = Lexeme<'a>;

    fn next(&mut self) -> Option<Lexeme<'a>> {
        let rest = &self.sql[self.position..];
        let continues = self.continuation == Continuation::NextLine && rest.starts_with('\'');
        let (kind, length) = if continues {
            let token = tokenize(&format!("E{rest}")).next()?;
            (token.kind, token.len as usize - 1)
        } else {
            let token = tokenize(rest).next()?;
            (token.kind, token.len as usize)
        };
        let lexeme = Lexeme {
            kind,
            text: &rest[..length],
            start: self.position,
            line: self.line,
        };
        let breaks = lexeme.text.matches('\n').count();
        self.position += length;
        self.line += breaks;
        self.continuation = match (kind, self.continuation) {
            (
                TokenKind::Literal {
                    kind: LiteralKind::EscStr { .. },
                },
                _,
            ) => Continuation::SameLine,
            (TokenKind::Whitespace, Continuation::SameLine) if breaks > 0 => Continuation::NextLine,
            (TokenKind::Whitespace | TokenKind::LineComment, continuation) => continuation,
            _ => Continuation::None,
        };
        Some(lexeme)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_string_continued_on_the_next_line_keeps_its_escapes() {
        let sql = "E'a'\n -- note\n '\\'b'; x";
        let last: Vec<&str> = lexemes(sql).map(|lexeme| lexeme.text).collect();
        assert_eq!(
            last,
            ["E'a'", "\n ", "-- note", "\n ", "'\\'b'", ";", " ", "x"]
        );
        assert!(lexemes(sql).all(|lexeme| lexeme.unterminated().is_none()));
    }

    #[test]
    fn tokens_know_their_lines_and_leave_no_gap() {
        let sql = "a\n/* b\n */ c\r\n$$\n\n$$ d";
        let words: Vec<(usize, &str)> = lexemes(sql)
            .filter(|lexeme| lexeme.kind == TokenKind::Ident)
            .map(|lexeme| (lexeme.line, lexeme.text))
            .collect();
        assert_eq!(words, [(1, "a"), (3, "c"), (6, "d")]);
        let joined: String = lexemes(sql).map(|lexeme| lexeme.text).collect();
        assert_eq!(joined, sql);
    }
}
