//! The configuration file.

use std::fs;

use pgsteward::{
    config::{Config, example},
    model::failure::chain,
};
use proptest::prelude::*;

use super::{
    cases,
    mutations::{damaged, mutations},
};

const SAMPLE: &str = r#"
data_dir = "/srv/steward"
[listen]
grpc = "127.0.0.1:7432"
[control]
url = "postgresql://steward:hunter2hunter2@db:5432/steward?connect_timeout=3"
owner_url = "postgresql://owner:hunter2hunter2@db:5432/steward"
[databases.app]
url = "postgresql://owner:hunter2hunter2@db:5432/app"
revisions = "/srv/app/revisions"
[stores.local]
path = "/srv/backups"
[stores.offsite]
bucket = "backups"
access_key_id = "AKIA"
secret_access_key = "hunter2hunter2"
[backup]
store = "local"
copies = "offsite"
compression = "zstd"
level = 3
[[auth.tokens]]
name = "deploy"
role = "admin"
sha256 = "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
[schedule]
backup = "0 2 * * *"
time_zone = "Europe/Oslo"
[health]
interval = "2s"
[log]
filter = "info,pgsteward=debug"
"#;

const PIECES: &[&[u8]] = &[
    b"=",
    b"\n",
    b"\"",
    b"'",
    b"[",
    b"]",
    b"[[",
    b"{",
    b"}",
    b".",
    b",",
    b"#",
    b"\"\"\"",
    b"\\u0000",
    b"\\",
    b"-1",
    b"1e999",
    b"0x7fffffffffffffff",
    b"9223372036854775807",
    b"99999999999d",
    b"inf",
    b"true",
    b"2026-11-25T00:00:00Z",
    b"postgresql://a:b@c/d",
    b"%00",
    b"@",
    b"..",
    b"* * * * *",
    b"auth.tokens.0.name",
    "\u{feff}".as_bytes(),
    b"\xff",
    b"[databases.app]\n",
    b"[databases.\"\"]\n",
    b"[stores.local]\n",
    b"Europe/Oslo",
    b"[control]\n",
    b"url = 1\n",
];

/// What a file with these bytes gives.
fn load(bytes: &[u8]) -> Result<Config, String> {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pgsteward.toml");
    fs::write(&file, bytes).unwrap();
    Config::load(Some(&file), std::iter::empty()).map_err(|error| {
        let told = chain(&error);
        assert!(
            told.contains('`') || told.contains("pgsteward.toml"),
            "names nothing: {told}"
        );
        told
    })
}

proptest! {
    #![proptest_config(cases(400))]

    #[test]
    fn a_damaged_configuration_is_refused_by_key_or_place_or_shows_what_it_says(mutations in mutations(PIECES)) {
        let bytes = damaged(SAMPLE.as_bytes(), &mutations);
        match load(&bytes) {
            Err(told) => prop_assert!(!told.contains("hunter2hunter2"), "{}", told),
            Ok(config) => {
                let shown = config.shown();
                prop_assert!(!shown.contains("hunter2hunter2"), "{}", shown);
                prop_assert!(shown.parse::<toml::Table>().is_ok(), "{}", shown);
            }
        }
    }

    #[test]
    fn a_damaged_example_is_no_worse(mutations in mutations(PIECES)) {
        let settings: String = example()
            .lines()
            .filter_map(|line| line.strip_prefix('#').filter(|rest| !rest.starts_with(' ')))
            .map(|line| format!("{line}\n"))
            .collect();
        let _ = load(&damaged(settings.as_bytes(), &mutations));
    }
}

#[test]
fn the_sample_is_valid() {
    load(SAMPLE.as_bytes()).unwrap();
}
