//! Redaction: requests are kept in the audit log, secrets that people put into their texts are not.
//!
//! No field of a request is meant for a secret. But a reason may quote a connection URL, and SQL may set a password: what
//! looks like one is struck out, and of SQL nothing but its size and digest is kept.

use std::borrow::Cow;

/// What stands in a secret's place.
const STRUCK: &str = "***";

/// Words after which a secret follows, in lower case.
const NAMES: [&str; 8] = [
    "password",
    "passwd",
    "pwd",
    "passphrase",
    "secret",
    "secret_access_key",
    "api_key",
    "token",
];

/// The text with what looks like a secret struck out: passwords in URLs, values after words such as `password`, bearer
/// tokens, age identities and private keys.
pub fn redacted(text: &str) -> Cow<'_, str> {
    let mut kept: Option<String> = None;
    let mut done = 0;
    let mut place = 0;
    while let Some(rest) = text.get(place..) {
        let Some(first) = rest.chars().next() else {
            break;
        };
        let starts_word = !text[..place].ends_with(is_of_word);
        match secret(rest, starts_word) {
            Some((start, end)) if start < end => {
                let kept = kept.get_or_insert_default();
                kept.push_str(&text[done..place + start]);
                kept.push_str(STRUCK);
                place += end;
                done = place;
            }
            _ => place += first.len_utf8(),
        }
    }
    match kept {
        None => Cow::Borrowed(text),
        Some(kept) => Cow::Owned(kept + &text[done..]),
    }
}

/// As much of a text as is looked through from one place, so that a text of a million beginnings takes no million looks to
/// its end.
fn beginning(text: &str) -> &str {
    const LENGTH: usize = 4096;
    &text[..text.floor_char_boundary(LENGTH)]
}

fn is_of_word(character: char) -> bool {
    character.is_alphanumeric() || character == '-'
}

/// The secret that the text begins with or names at its beginning: from where to where.
fn secret(text: &str, starts_word: bool) -> Option<(usize, usize)> {
    match text.as_bytes().first()? {
        b':' => of_url(text),
        b'A' | b'a' => of_identity(text),
        b'B' | b'b' if starts_word => of_bearer(text),
        b'-' => of_private_key(text),
        b'p' | b'P' | b's' | b'S' | b't' | b'T' if starts_word => of_name(text),
        _ => None,
    }
}

/// `://user:secret@`
fn of_url(text: &str) -> Option<(usize, usize)> {
    let authority = beginning(text.strip_prefix("://")?);
    let ends_text = |character: char| character.is_whitespace() || "'\"`<>".contains(character);
    let all = &authority[..authority.find(ends_text).unwrap_or(authority.len())];
    let until_path = &all[..all.find('/').unwrap_or(all.len())];
    // A password with a slash that was not escaped is one all the same.
    let at = until_path.rfind('@').or_else(|| all.rfind('@'))?;
    let colon = all[..at].find(':')?;
    Some((3 + colon + 1, 3 + at))
}

fn of_identity(text: &str) -> Option<(usize, usize)> {
    let prefix = "AGE-SECRET-KEY-";
    let found = text.get(..prefix.len())?.eq_ignore_ascii_case(prefix);
    let rest = &text[prefix.len()..];
    let length = rest
        .find(|character: char| !character.is_ascii_alphanumeric())
        .unwrap_or(rest.len());
    found.then_some((0, prefix.len() + length))
}

fn of_bearer(text: &str) -> Option<(usize, usize)> {
    let prefix = "bearer ";
    let found = text.get(..prefix.len())?.eq_ignore_ascii_case(prefix);
    found.then(|| (prefix.len(), prefix.len() + word(&text[prefix.len()..])))
}

fn of_private_key(text: &str) -> Option<(usize, usize)> {
    let line = beginning(text.strip_prefix("-----BEGIN ")?)
        .lines()
        .next()?;
    line.contains("PRIVATE KEY").then_some(())?;
    let end = text.find("-----END ").and_then(|place| {
        let line = text[place..].find('\n').map(|length| place + length);
        line.or(Some(text.len()))
    });
    Some((0, end.unwrap_or(text.len())))
}

/// `password = 'secret'`, `"token": "…"`, SQL's `PASSWORD 'secret'`
fn of_name(text: &str) -> Option<(usize, usize)> {
    let length = NAMES
        .iter()
        .map(|name| name.len())
        .filter(|length| {
            text.get(..*length)
                .is_some_and(|start| NAMES.contains(&start.to_ascii_lowercase().as_str()))
        })
        .max()?;
    let rest = &text[length..];
    let sign = rest.trim_start_matches(['"', '\'']).trim_start();
    let (value, is_assigned) = match sign.strip_prefix(['=', ':']) {
        Some(value) => (value.trim_start(), true),
        None if rest.starts_with(char::is_whitespace) => (sign, false),
        None => return None,
    };
    let start = text.len() - value.len();
    let value_length = match quoted(value) {
        Some(length) => length,
        None if is_assigned => word(value),
        None => return None,
    };
    Some((start, start + value_length))
}

/// The length of a quoted text at the beginning, its quotes included; of one that does not end, all of it.
fn quoted(text: &str) -> Option<usize> {
    let prefix = match text.as_bytes() {
        [b'E' | b'e' | b'U' | b'u', b'\'', ..] => 1,
        [b'U' | b'u', b'&', b'\'', ..] => 2,
        _ => 0,
    };
    let inner = &text[prefix..];
    let quote = inner.chars().next()?;
    if quote == '$' {
        let tag = inner[1..].find('$')? + 2;
        let end = inner[tag..].find(&inner[..tag]);
        return Some(end.map_or(text.len(), |end| end + 2 * tag));
    }
    if quote != '\'' && quote != '"' {
        return None;
    }
    let mut characters = inner.char_indices().skip(1).peekable();
    while let Some((place, character)) = characters.next() {
        if character == '\\' {
            characters.next();
        } else if character == quote {
            match characters.peek() {
                Some((_, next)) if *next == quote => {
                    characters.next();
                }
                _ => return Some(prefix + place + 1),
            }
        }
    }
    Some(text.len())
}

/// The length of a word that stands without quotes.
fn word(text: &str) -> usize {
    text.find(|character: char| character.is_whitespace() || ",;&)\"'".contains(character))
        .unwrap_or(text.len())
}

#[cfg(test)]
mod tests;
