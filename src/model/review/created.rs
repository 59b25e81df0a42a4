//! The tables that a section itself has made so far: dropping or locking one of them harms nobody.
//!
//! Taken for new is only what is certainly new. `IF NOT EXISTS` proves nothing, and after a rename, a change of
//! `search_path` or anything else that may give a name another table, no name is taken for new any more.

use std::collections::HashSet;

use super::words::Words;

/// Commands after which names still mean the same tables.
const HARMLESS: [&str; 7] = [
    "insert", "update", "delete", "truncate", "comment", "grant", "analyze",
];

/// Names as written, normalized.
#[derive(Debug, Default)]
pub(super) struct Created(HashSet<String>);

impl Created {
    pub(super) fn contains(&self, name: &str) -> bool {
        self.0.contains(name)
    }

    /// Takes note of what a statement does.
    pub(super) fn follow(&mut self, words: &Words) {
        let mut cursor = words.start();
        if cursor.eat("create") {
            cursor.eat_any(&["local", "global"]);
            cursor.eat_any(&["temp", "temporary", "unlogged"]);
            if cursor.eat("table") && !cursor.eat_if_exists() {
                self.0.extend(cursor.name());
            }
        } else if cursor.eat("drop") {
            // A second DROP of the same name finds another schema's table.
            self.forget_all_named(words);
        } else if cursor.eat("alter") {
            if words
                .each()
                .any(|mut place| place.eat("rename") || place.eat("set schema"))
            {
                self.0.clear();
            }
        } else if !cursor.eat_any(&HARMLESS) {
            self.0.clear();
        }
    }

    fn forget_all_named(&mut self, words: &Words) {
        for mut place in words.each() {
            if let Some(name) = place.name() {
                self.0.remove(&name);
            }
        }
    }
}
