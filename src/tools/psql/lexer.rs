//! Where in a file for psql one is, byte by byte: between tokens, in a string, in a comment, or in the rows of a COPY.
//! It follows psql's own reading (`psqlscan.l`) as far as the marks of dumps need it.

use memchr::memchr;

/// The longest word that is looked at: `standard_conforming_strings`.
const WORD_BYTES: usize = 27;
/// No dump has a longer tag in its dollar quotes.
const TAG_BYTES: usize = 256;

/// What the last bytes were part of.
#[derive(Clone, Debug, PartialEq, Eq)]
enum State {
    /// Between tokens, or in one without a form of its own.
    Plain,
    /// In a word that began in plain text.
    Word,
    /// After a dash, a slash or a backslash, whose meaning the next byte gives.
    Dash,
    Slash,
    Backslash,
    /// After `$` and the beginning of a tag.
    DollarTag(Vec<u8>),
    LineComment,
    /// In so many comments; the byte before, unless it was part of a mark.
    BlockComment(u32, u8),
    /// In `'…'`; whether a backslash escapes the next byte, and whether one just did.
    Single {
        escapes: bool,
        escaped: bool,
    },
    /// After the `'` that may end a string. Another one, or one on a later line, goes on with it.
    SingleEnd {
        escapes: bool,
    },
    Double,
    /// In a dollar quote: its delimiter, and how much of that was met last.
    Dollar(Vec<u8>, usize),
}

/// How far a line of COPY's rows is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Row {
    Start,
    Backslash,
    Dot,
    DotReturn,
    Inside,
}

/// What a statement does, as far as it matters.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
enum Verb {
    #[default]
    Other,
    Copy,
    Set,
    /// SET of `standard_conforming_strings`.
    SetStrings,
}

/// What is known of the statement so far.
#[derive(Debug, Default)]
struct Statement {
    words: u32,
    depth: u32,
    verb: Verb,
    after_from: bool,
    from_stdin: bool,
}

/// The reader's place in the file.
#[derive(Debug)]
pub(super) struct Lexer {
    state: State,
    statement: Statement,
    /// The word that is being read, in lower case; one that is too long is kept as an empty one.
    word: Vec<u8>,
    /// COPY statements that ended in this line; psql looks for their rows on the next ones.
    copies: u32,
    /// In the rows of a COPY.
    row: Option<Row>,
    /// A backslash escapes in strings that do not say otherwise.
    escapes: bool,
    line_start: bool,
    /// Something else than comments and white space has been read.
    sql_seen: bool,
}

impl Lexer {
    pub(super) fn new() -> Self {
        Self {
            state: State::Plain,
            statement: Statement::default(),
            word: Vec::with_capacity(WORD_BYTES),
            copies: 0,
            row: None,
            escapes: false,
            line_start: true,
            sql_seen: false,
        }
    }

    /// Whether a line begins here in which a backslash would begin a command of psql's.
    pub(super) fn at_command(&self) -> bool {
        let outside = matches!(self.state, State::Plain | State::SingleEnd { .. });
        self.line_start && self.row.is_none() && outside
    }

    /// Whether something else than comments and white space has been read.
    pub(super) fn sql_seen(&self) -> bool {
        self.sql_seen
    }

    /// What the file cannot end in, if that is where one is.
    pub(super) fn open_end(&self) -> Option<&'static str> {
        if self.row.is_some() || self.copies > 0 {
            return Some("the rows of a table");
        }
        match self.state {
            State::BlockComment(..) => Some("a comment"),
            State::Single { .. } | State::Double | State::Dollar(..) => Some("a quoted text"),
            _ => None,
        }
    }

    /// Reads on, up to the end of the bytes or to a backslash that would begin a command. Gives how many were read.
    pub(super) fn advance(&mut self, bytes: &[u8]) -> usize {
        let mut place = 0;
        while let Some(&byte) = bytes.get(place) {
            if byte == b'\\' && self.at_command() {
                break;
            }
            // Rows are most of a dump.
            if self.row == Some(Row::Inside) {
                let Some(end) = memchr(b'\n', &bytes[place..]) else {
                    return bytes.len();
                };
                place += end;
            }
            self.read(bytes[place]);
            place += 1;
        }
        place
    }

    /// Reads one byte.
    pub(super) fn read(&mut self, byte: u8) {
        if let Some(row) = self.row {
            self.read_row(row, byte);
        } else {
            self.read_sql(byte);
            if byte == b'\n' && self.copies > 0 {
                self.row = Some(Row::Start);
            }
        }
        self.line_start = byte == b'\n';
    }

    fn read_row(&mut self, row: Row, byte: u8) {
        let next = match (row, byte) {
            (Row::Dot | Row::DotReturn, b'\n') => {
                self.copies -= 1;
                self.row = (self.copies > 0).then_some(Row::Start);
                return;
            }
            (_, b'\n') => Row::Start,
            (Row::Start, b'\\') => Row::Backslash,
            (Row::Backslash, b'.') => Row::Dot,
            (Row::Dot, b'\r') => Row::DotReturn,
            _ => Row::Inside,
        };
        self.row = Some(next);
    }

    fn read_sql(&mut self, byte: u8) {
        match &mut self.state {
            State::Plain => self.read_plain(byte),
            State::Word if is_word(byte) || byte == b'$' => {
                if self.word.len() < WORD_BYTES && !self.word.is_empty() {
                    self.word.push(byte.to_ascii_lowercase());
                } else {
                    self.word.clear();
                }
            }
            State::Word => {
                let escapes = self.escapes || self.word == b"e";
                self.end_word();
                self.state = State::Plain;
                if byte == b'\'' {
                    self.state = string(escapes);
                } else {
                    self.read_plain(byte);
                }
            }
            State::Dash if byte == b'-' => self.state = State::LineComment,
            State::Slash if byte == b'*' => self.state = State::BlockComment(1, 0),
            State::Backslash => {
                self.sql_seen = true;
                // `\;` and `\:` are text; all else is a command, at which a restricted psql ends.
                self.state = match byte {
                    b';' | b':' | b'\n' => State::Plain,
                    _ => State::LineComment,
                };
            }
            State::Dash | State::Slash => {
                self.sql_seen = true;
                self.state = State::Plain;
                self.read_plain(byte);
            }
            State::DollarTag(tag) => match byte {
                b'$' => {
                    let delimiter = [b"$", &tag[..], b"$"].concat();
                    self.state = State::Dollar(delimiter, 0);
                }
                _ if tag.len() < TAG_BYTES
                    && is_word(byte)
                    && (!tag.is_empty() || !byte.is_ascii_digit()) =>
                {
                    tag.push(byte);
                }
                _ => {
                    self.state = State::Plain;
                    self.read_plain(byte);
                }
            },
            State::LineComment => {
                if byte == b'\n' {
                    self.state = State::Plain;
                }
            }
            State::BlockComment(depth, before) => match (*before, byte) {
                (b'/', b'*') => (*depth, *before) = (*depth + 1, 0),
                (b'*', b'/') if *depth == 1 => self.state = State::Plain,
                (b'*', b'/') => (*depth, *before) = (*depth - 1, 0),
                _ => *before = byte,
            },
            State::Single { escapes, escaped } => match byte {
                _ if *escaped => *escaped = false,
                b'\\' => *escaped = *escapes,
                b'\'' => {
                    self.state = State::SingleEnd { escapes: *escapes };
                }
                _ => {}
            },
            State::SingleEnd { escapes } => {
                if byte == b'\'' {
                    self.state = string(*escapes);
                } else if !byte.is_ascii_whitespace() {
                    self.state = State::Plain;
                    self.read_plain(byte);
                }
            }
            State::Double => {
                if byte == b'"' {
                    self.state = State::Plain;
                }
            }
            State::Dollar(delimiter, met) => {
                if delimiter.get(*met) == Some(&byte) {
                    *met += 1;
                    if *met == delimiter.len() {
                        self.state = State::Plain;
                    }
                } else {
                    *met = usize::from(byte == b'$');
                }
            }
        }
    }

    fn read_plain(&mut self, byte: u8) {
        match byte {
            b'-' => self.state = State::Dash,
            b'/' => self.state = State::Slash,
            _ if byte.is_ascii_whitespace() || byte == 0x0b => {}
            _ => {
                self.sql_seen = true;
                self.read_token(byte);
            }
        }
    }

    fn read_token(&mut self, byte: u8) {
        match byte {
            b'\\' => self.state = State::Backslash,
            b'\'' => self.state = string(self.escapes),
            b'"' => self.state = State::Double,
            b'$' => self.state = State::DollarTag(Vec::new()),
            b'(' => self.statement.depth += 1,
            b')' => self.statement.depth = self.statement.depth.saturating_sub(1),
            b';' if self.statement.depth == 0 => {
                let ended = std::mem::take(&mut self.statement);
                self.copies += u32::from(ended.verb == Verb::Copy && ended.from_stdin);
            }
            _ if is_word(byte) => {
                self.word.clear();
                self.word.push(byte.to_ascii_lowercase());
                self.state = State::Word;
            }
            _ => {}
        }
    }

    fn end_word(&mut self) {
        let (statement, word) = (&mut self.statement, &self.word[..]);
        if statement.depth > 0 {
            return;
        }
        match (statement.words, statement.verb, word) {
            (0, _, b"copy") => statement.verb = Verb::Copy,
            (0, _, b"set") => statement.verb = Verb::Set,
            (1, Verb::Set, b"standard_conforming_strings") => statement.verb = Verb::SetStrings,
            (2, Verb::SetStrings, _) => self.escapes = word == b"off" || word == b"false",
            _ => {}
        }
        statement.from_stdin |= statement.after_from && word == b"stdin";
        statement.after_from = word == b"from";
        statement.words += 1;
    }
}

fn string(escapes: bool) -> State {
    State::Single {
        escapes,
        escaped: false,
    }
}

/// What words and tags are made of, as psql sees it: every byte of another alphabet is a letter.
fn is_word(byte: u8) -> bool {
    byte.is_ascii_alphanumeric() || byte == b'_' || byte >= 0x80
}
