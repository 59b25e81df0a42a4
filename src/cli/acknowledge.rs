//! What to type when an upgrade was refused because it destroys something: the same command line with the names of what
//! is destroyed. Nobody is asked interactively; to go ahead is to have read the names and to send them.

use super::words;

/// The kind of precondition by which the daemon asks for an acknowledgement. Its subject is the name.
pub(super) const PRECONDITION: &str = "DESTRUCTIVE_NOT_ACKNOWLEDGED";

/// The command line with the names acknowledged, ready for a POSIX shell. A token on the command line is left out: what is
/// printed may be kept.
pub(super) fn command_line(arguments: impl IntoIterator<Item = String>, names: &[&str]) -> String {
    let mut kept: Vec<String> = Vec::new();
    let mut arguments = arguments.into_iter();
    while let Some(argument) = arguments.next() {
        if argument == "--token" {
            arguments.next();
        } else if !argument.starts_with("--token=") {
            kept.push(argument);
        }
    }
    let acknowledged = names
        .iter()
        .flat_map(|name| ["--acknowledge".to_owned(), (*name).to_owned()]);
    let quoted: Vec<String> = kept
        .into_iter()
        .chain(acknowledged)
        .map(|word| quoted(&words::clean(&word)))
        .collect();
    quoted.join(" ")
}

/// The word as a shell takes it for one word and nothing else.
fn quoted(word: &str) -> String {
    let plain =
        |character: char| character.is_ascii_alphanumeric() || "-_./:=+@,%".contains(character);
    if !word.is_empty() && word.chars().all(plain) {
        word.to_owned()
    } else {
        format!("'{}'", word.replace('\'', r"'\''"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn repeated(line: &str, names: &[&str]) -> String {
        command_line(line.split(' ').map(str::to_owned), names)
    }

    #[test]
    fn the_names_are_added_to_what_was_typed() {
        assert_eq!(
            repeated(
                "pgsteward migrate upgrade +1 -d app",
                &["drop-column:orders.total", "truncate"]
            ),
            "pgsteward migrate upgrade +1 -d app --acknowledge drop-column:orders.total --acknowledge truncate"
        );
    }

    #[test]
    fn what_a_shell_would_read_is_quoted() {
        assert_eq!(
            repeated("pgsteward", &["drop-table:\"Joe's $HOME\""]),
            r#"pgsteward --acknowledge 'drop-table:"Joe'\''s $HOME"'"#
        );
    }

    #[test]
    fn a_token_is_not_repeated() {
        for line in ["p --token sesame migrate", "p --token=sesame migrate"] {
            assert_eq!(repeated(line, &["a"]), "p migrate --acknowledge a");
        }
    }
}
