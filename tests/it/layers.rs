//! The layers of the source: which folder may name which, read from the source itself.
//!
//! `main -> app -> rpc -> ops -> { state, postgres, tools, storage } -> model`, where each may use all that stand further
//! on. Two go between neighbours: the control store lives in PostgreSQL, and the embedded server runs its programs.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::{Path, PathBuf},
};

/// What each part of the source may name of the others. `main` and `lib` stand above all of them.
const RULES: &[(&str, &str)] = &[
    (
        "demo",
        "app config json model postgres proto shutdown storage telemetry",
    ),
    ("app", "config model ops postgres rpc state storage tools"),
    ("rpc", "json model ops proto state storage"),
    ("ops", "archive model postgres state storage tools"),
    ("archive", "model"),
    ("state", "model postgres"),
    ("postgres", "model tools"),
    ("storage", "model"),
    ("tools", "model"),
    ("model", ""),
    ("config", "model"),
    ("cli", "json model proto"),
    ("json", "model proto"),
    ("telemetry", "config model"),
    ("shutdown", "model"),
];

/// The only parts that may name tonic; in `lib` it is the generated code.
const KNOW_TONIC: &[&str] = &["rpc", "cli", "demo", "lib"];

/// No file is longer; a part that has grown so far is parted by stage.
const LONGEST_FILE: usize = 500;

/// Every source file: its path below `src/`, and its text.
fn sources() -> Vec<(PathBuf, String)> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let (mut folders, mut files) = (vec![root.clone()], Vec::new());
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|end| end == "rs") {
                let text = fs::read_to_string(&path).unwrap();
                files.push((path.strip_prefix(&root).unwrap().to_owned(), text));
            }
        }
    }
    files.sort();
    files
}

/// The module's names from the crate's root on, e.g. `["ops", "backup", "create"]`.
fn module(path: &Path) -> Vec<String> {
    let names = path.with_extension("");
    names
        .iter()
        .map(|name| name.to_str().unwrap().to_owned())
        .collect()
}

/// The code without comments, which may name what they like.
fn code(text: &str) -> String {
    let lines = text
        .lines()
        .map(|line| line.split_once("//").map_or(line, |(code, _)| code));
    lines.collect::<Vec<_>>().join("\n")
}

/// The first names of a path after its `crate::`: one, or those of a group in braces.
fn first_names(path: &str) -> Vec<&str> {
    let Some(group) = path.strip_prefix('{') else {
        return vec![identifier(path)];
    };
    let (mut depth, mut begins, mut names) = (0_u32, true, Vec::new());
    for (place, letter) in group.char_indices() {
        match letter {
            '{' => depth += 1,
            '}' if depth == 0 => break,
            '}' => depth -= 1,
            ',' if depth == 0 => begins = true,
            letter if begins && !letter.is_whitespace() => {
                names.push(identifier(&group[place..]));
                begins = false;
            }
            _ => {}
        }
    }
    names
}

fn identifier(text: &str) -> &str {
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    &text[..end.unwrap_or(text.len())]
}

/// The parts that a file names, by `crate::` or by as many `super::` as lead there.
fn named(path: &Path, text: &str) -> BTreeSet<String> {
    let code = code(text);
    let to_root = "super::".repeat(module(path).len());
    let mut found = BTreeSet::new();
    for prefix in ["crate::", &to_root] {
        for (place, _) in code.match_indices(prefix) {
            let names = first_names(&code[place + prefix.len()..]);
            found.extend(names.into_iter().map(str::to_owned));
        }
    }
    found.retain(|name| name == "proto" || RULES.iter().any(|(part, _)| part == name));
    found
}

#[test]
fn each_part_names_only_those_that_it_may() {
    let rules: BTreeMap<&str, &str> = RULES.iter().copied().collect();
    let mut breaches = Vec::new();
    for (path, text) in sources() {
        let module = module(&path);
        let part = module[0].as_str();
        if ["main", "lib"].contains(&part) {
            continue;
        }
        let allowed = rules
            .get(part)
            .unwrap_or_else(|| panic!("there is no rule for {part}"));
        for name in named(&path, &text) {
            if name != part && !allowed.split(' ').any(|other| other == name) {
                breaches.push(format!("{} names {name}", path.display()));
            }
        }
    }
    assert_eq!(breaches, [""; 0]);
}

#[test]
fn tonic_is_named_only_where_grpc_is_spoken() {
    for (path, text) in sources() {
        let part = &module(&path)[0];
        let code = code(&text);
        let mut words = code.split(|c: char| !c.is_alphanumeric() && c != '_');
        let names_it = words.any(|word| word == "tonic" || word.starts_with("tonic_"));
        assert!(
            !names_it || KNOW_TONIC.contains(&part.as_str()),
            "{}",
            path.display()
        );
    }
}

#[test]
fn every_file_opens_with_its_place_and_is_short() {
    for (path, text) in sources() {
        assert!(
            text.starts_with("//! "),
            "{} says nothing of itself",
            path.display()
        );
        let lines = text.lines().count();
        assert!(
            lines <= LONGEST_FILE,
            "{} has {lines} lines",
            path.display()
        );
        assert_ne!(path.file_name().unwrap(), "mod.rs");
    }
}

#[test]
fn the_reading_of_paths_sees_groups_nesting_and_supers() {
    let text = "use crate::{\n    model::{failure::Failure, page},\n    ops::Daemon,\n};\n// crate::rpc\n\
                fn f() -> crate::state::ControlStore { super::super::super::tools::x() }";
    let found = named(Path::new("postgres/embedded/server.rs"), text);
    assert_eq!(
        found,
        ["model", "ops", "state", "tools"].map(str::to_owned).into()
    );
}
