//! The example and the shown form, both held against the list of keys.

use std::collections::BTreeSet;

use toml::{Table, Value};

use super::{
    super::{
        keys::{Shape, all},
        *,
    },
    load, load_with,
};

/// The example with every setting live.
fn uncommented() -> String {
    let settings = |line: &str| {
        line.strip_prefix('#')
            .filter(|rest| !rest.is_empty() && !rest.starts_with(' '))
            .map(str::to_owned)
    };
    example()
        .lines()
        .map(|line| settings(line).unwrap_or_else(|| line.to_owned()) + "\n")
        .collect()
}

/// The dotted paths of all values, with the example's name and place for `*` and `#`.
fn paths(prefix: &str, value: &Value, found: &mut BTreeSet<String>) {
    let below = |name: &str| {
        if prefix.is_empty() {
            name.to_owned()
        } else {
            format!("{prefix}.{name}")
        }
    };
    match value {
        Value::Table(table) => table
            .iter()
            .for_each(|(name, value)| paths(&below(name), value, found)),
        Value::Array(items) => items
            .iter()
            .for_each(|value| paths(&below("#"), value, found)),
        _ => {
            let names = [
                ("databases.app.", "databases.*."),
                ("stores.local.", "stores.*."),
                ("stores.offsite.", "stores.*."),
                ("schedule.kinds.backup.", "schedule.kinds.*."),
            ];
            let path = names
                .iter()
                .fold(prefix.to_owned(), |path, (name, pattern)| {
                    path.replace(name, pattern)
                });
            found.insert(path);
        }
    }
}

fn paths_of(text: &str) -> BTreeSet<String> {
    let mut found = BTreeSet::new();
    paths(
        "",
        &Value::Table(text.parse::<Table>().unwrap()),
        &mut found,
    );
    found
}

#[test]
fn the_example_as_it_stands_changes_nothing() {
    assert_eq!(load(&example()).shown(), load("").shown());
}

#[test]
fn the_example_loads_with_every_setting_live() {
    let config = load(&uncommented());
    let Source::Configured { databases, .. } = config.source else {
        panic!("embedded")
    };
    assert_eq!(databases["app"].backup.user(), "steward_backup");
    assert_eq!(config.auth.tokens.len(), 1);
}

#[test]
fn the_example_holds_every_key_once_with_a_comment() {
    let known: BTreeSet<String> = all().map(|key| key.path.to_owned()).collect();
    assert_eq!(paths_of(&uncommented()), known);
    let comments = example()
        .lines()
        .filter(|line| all().any(|key| *line == format!("# {}", key.comment)))
        .count();
    assert_eq!(comments, all().count());
}

#[test]
fn every_fixed_default_is_accepted_when_it_is_given() {
    for key in all().filter(|key| key.is_default) {
        let literal = match key.shape {
            Shape::Text(text) => format!("'{text}'"),
            Shape::Integer(number) => number.to_string(),
            Shape::Flag(flag) => flag.to_string(),
        };
        let text = format!("{} = {literal}", key.path.replace('*', "app"));
        assert_eq!(load(&text).shown(), load("").shown(), "{text}");
    }
}

#[test]
fn the_shown_form_holds_every_key_that_takes_effect() {
    let shown = paths_of(&load(&uncommented()).shown());
    let known: BTreeSet<String> = all().map(|key| key.path.to_owned()).collect();
    assert!(shown.is_subset(&known), "{:?}", shown.difference(&known));
    let left_out: Vec<&String> = known.difference(&shown).collect();
    // The URL for all purposes shows as the four that it serves for, the models for all databases as those of each; no
    // embedded server, no account for it.
    assert_eq!(
        left_out,
        ["databases.*.url", "embedded.user", "migrations.models"]
    );
}

#[test]
fn the_shown_form_loads_again_as_the_same() {
    for text in [
        "",
        "embedded.user = 'pg'\nlisten.grpc = '[::1]:0'\npostgres.bin_dir = '/usr/bin'",
        "schedule = { backup = 'off', optimize = '*/5 1 * * MON', time_zone = 'Asia/Tokyo' }\nrestore.keep_replaced = '90m 1ms'",
        "control.url = 'postgresql://s:x@h/s'\n[databases.app]\nurl = 'postgresql://u:x@h/app'\nrevisions = \"/a'b\\\"c\"",
    ] {
        let shown = load(text).shown();
        assert_eq!(load(&shown).shown(), shown);
    }
}

#[test]
fn the_shown_form_hides_digests_and_passwords() {
    let shown = load_with(
        &uncommented(),
        &[
            ("PGSTEWARD__CONTROL__URL", "postgresql://s:hunter2@h/s"),
            (
                "PGSTEWARD__CONTROL__OWNER_URL",
                "postgresql://o:hunter2@h/s",
            ),
        ],
    )
    .unwrap()
    .shown();
    assert!(shown.contains("postgresql://s:***@h/s"), "{shown}");
    assert!(shown.contains("postgresql://o:***@h/s"), "{shown}");
    assert!(shown.contains("sha256 = \"***\""), "{shown}");
    assert!(
        !shown.contains("hunter2")
            && !shown.contains("\"secret\"")
            && !shown.contains(":secret@")
            && !shown.contains("0000"),
        "{shown}"
    );
}
