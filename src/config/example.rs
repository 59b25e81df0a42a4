//! The commented example, for `pgsteward config example`: made from the list of keys, so that it cannot go stale.

use std::fmt::Write;

use super::keys::{Key, Shape, all};

const HEAD: &str = "\
# pgsteward's configuration. Lines that begin with '#' and a letter or bracket are settings: with the '#' taken away
# they are valid, and most show their default. '# ' begins a comment. Nothing needs to be set.
#
# Every key can also be set by an environment variable, which wins: the key's parts in upper case, joined by two
# underscores, after PGSTEWARD__ (schedule.time_zone is PGSTEWARD__SCHEDULE__TIME_ZONE). A string is taken as it is,
# anything else as a TOML value.
#
# Relative paths start at the daemon's working directory. Time spans are written as 500ms, 10s, 5m or 24h.
";

/// Every key with its default, or an example where there is none, and a line on what it is for.
pub fn example() -> String {
    let mut text = HEAD.to_owned();
    let mut section = String::new();
    for key in all() {
        let (header, name) = key.path.rsplit_once('.').unwrap_or(("", key.path));
        let header = header_line(header, name);
        if header != section {
            let _ = write!(text, "\n{header}");
            section = header;
        } else if section.is_empty() {
            text.push('\n');
        }
        let _ = writeln!(text, "# {}\n#{name} = {}", key.comment, literal(key));
    }
    text
}

/// The section's header. That of a named table or of a list's item is commented out, for there it makes an item.
fn header_line(path: &str, key: &str) -> String {
    match (path.strip_suffix(".*"), path.strip_suffix(".#")) {
        (Some(parent), _) => format!("#[{parent}.{}]\n", item_name(parent, key)),
        (_, Some(parent)) => format!("#[[{parent}]]\n"),
        _ if path.is_empty() => String::new(),
        _ => format!("[{path}]\n"),
    }
}

/// What a named table is called. A store is a directory or a bucket, so that the example has one of each.
fn item_name(parent: &str, key: &str) -> &'static str {
    match (parent, key) {
        ("stores", "path") => "local",
        ("stores", _) => "offsite",
        _ => "app",
    }
}

fn literal(key: &Key) -> String {
    match key.shape {
        Shape::Text(text) => toml::Value::from(text).to_string(),
        Shape::Integer(number) => number.to_string(),
        Shape::Flag(flag) => flag.to_string(),
    }
}
