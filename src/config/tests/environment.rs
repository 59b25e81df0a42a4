//! The environment laid over the file.

use std::time::Duration;

use chrono_tz::Tz;

use super::{super::*, load_with, refusal_with};

#[test]
fn a_variable_wins_over_the_file() {
    let config = load_with(
        "schedule.time_zone = 'UTC'\nbackup.level = 1",
        &[
            ("PGSTEWARD__SCHEDULE__TIME_ZONE", "Europe/Oslo"),
            ("PGSTEWARD__BACKUP__LEVEL", "9"),
        ],
    )
    .unwrap();
    assert_eq!(config.schedule.time_zone, Tz::Europe__Oslo);
    assert_eq!(config.backup.level, 9);
}

#[test]
fn text_is_taken_as_it_is_and_all_else_as_toml() {
    let config = load_with(
        "",
        &[
            ("PGSTEWARD__LOG__FILTER", "debug"),
            ("PGSTEWARD__EMBEDDED__USER", "\"quoted\""),
            ("PGSTEWARD__SCHEDULE__ENABLED", "false"),
            ("PGSTEWARD__RETENTION", "{ daily = 7 }"),
            (
                "PGSTEWARD__AUTH__TOKENS",
                &format!(
                    "[{{name = 'ci', role = 'viewer', sha256 = '{}'}}]",
                    "00".repeat(32)
                ),
            ),
            ("PGSTEWARD__HEALTH__TIMEOUT", "1s"),
        ],
    )
    .unwrap();
    assert_eq!(config.log.filter, "debug");
    assert!(
        matches!(config.source, Source::Embedded { user: Some(user), .. } if user == "\"quoted\"")
    );
    assert!(!config.schedule.enabled);
    assert_eq!(config.retention.daily, 7);
    assert_eq!(config.auth.tokens.len(), 1);
    assert_eq!(config.health.timeout, Duration::from_secs(1));
}

#[test]
fn case_does_not_matter_and_other_variables_are_left_alone() {
    let config = load_with(
        "",
        &[
            ("pgsteward__Log__Format", "json"),
            ("PGSTEWARD_LOG", "x"),
            ("PATH", "/bin"),
            ("PGSTEWARD", "é"),
        ],
    )
    .unwrap();
    assert_eq!(config.log.format, LogFormat::Json);
}

#[test]
fn a_table_replaces_the_files_and_a_key_inside_it_comes_after() {
    let file = "control.url = 'postgresql://s@h/s'\ndatabases.old.url = 'postgresql://u@h/old'";
    let config = load_with(
        file,
        &[
            (
                "PGSTEWARD__DATABASES__NEW__BACKUP",
                "postgresql://reader@h/new",
            ),
            (
                "PGSTEWARD__DATABASES",
                "{ new = { url = 'postgresql://u@h/new' } }",
            ),
        ],
    )
    .unwrap();
    let Source::Configured { databases, .. } = config.source else {
        panic!("embedded")
    };
    assert_eq!(databases.keys().collect::<Vec<_>>(), ["new"]);
    assert_eq!(databases["new"].backup.user(), "reader");
    let told = refusal_with(file, &[("PGSTEWARD__DATABASES", "{}")]);
    assert!(
        told.contains("`databases` is empty") && told.contains("(from PGSTEWARD__DATABASES)"),
        "{told}"
    );
}

#[test]
fn unknown_keys_and_bad_values_name_the_variable() {
    let told = refusal_with("", &[("PGSTEWARD__SHEDULE__TIME_ZONE", "UTC")]);
    assert_eq!(
        told,
        "unknown key `shedule.time_zone` (from PGSTEWARD__SHEDULE__TIME_ZONE) (did you mean `schedule.time_zone`?)"
    );
    let told = refusal_with("", &[("PGSTEWARD__SCHEDULE__ENABLED", "yes please")]);
    assert_eq!(
        told,
        "`schedule.enabled` is not a TOML value (from PGSTEWARD__SCHEDULE__ENABLED)"
    );
    let told = refusal_with("", &[("PGSTEWARD__RETENTION", "14")]);
    assert_eq!(
        told,
        "`retention` must be a table (from PGSTEWARD__RETENTION)"
    );
    let told = refusal_with("", &[("PGSTEWARD__RETENTION", "{ dayly = 1 }")]);
    assert!(
        told.starts_with("unknown key `retention.dayly` (from PGSTEWARD__RETENTION)"),
        "{told}"
    );
    let told = refusal_with("", &[("PGSTEWARD__", "")]);
    assert!(
        told.starts_with("unknown key `` (from PGSTEWARD__)"),
        "{told}"
    );
}

#[test]
fn two_variables_for_one_key_are_refused() {
    let told = refusal_with(
        "",
        &[
            ("PGSTEWARD__LOG__FILTER", "info"),
            ("pgsteward__log__filter", "debug"),
        ],
    );
    assert_eq!(
        told,
        "`log.filter` is set by PGSTEWARD__LOG__FILTER too (from pgsteward__log__filter)"
    );
}
