//! Defaults, and the rules that single keys follow.

use std::{net::SocketAddr, path::PathBuf, time::Duration};

use super::{super::*, assert_refused, load, load_with, refusal, refusal_with};

#[test]
fn without_a_file_everything_has_its_default() {
    let config = Config::read(None, [].into_iter(), true).unwrap();
    assert_eq!(config.data_dir, PathBuf::from("/var/lib/pgsteward"));
    let path = PathBuf::from("/var/lib/pgsteward/backups");
    assert!(matches!(&config.stores["local"], Store::Directory { path: found } if *found == path));
    assert_eq!(
        (config.stores.len(), config.backup.store.as_str()),
        (1, "local")
    );
    assert!(config.backup.copies.is_empty());
    assert_eq!(
        config.listen.grpc,
        "127.0.0.1:7432".parse::<SocketAddr>().unwrap()
    );
    assert_eq!(config.auth.loopback, Some(Rights::everywhere(Role::Admin)));
    assert_eq!(config.postgres.bin_dir, None);
    assert_eq!(config.postgres.connect_timeout, Duration::from_secs(10));
    assert_eq!(config.postgres.pool_size, 4);
    assert_eq!(config.postgres.statement_timeout, Duration::from_secs(30));
    assert_eq!(config.backup.compression, ArchiveFormat::Gzip);
    assert_eq!((config.backup.level, config.backup.jobs), (3, 0));
    assert_eq!(config.backup.lock_timeout, Duration::from_secs(30));
    assert_eq!(config.backup.stall_timeout, Duration::from_mins(15));
    assert!(config.backup.recipients.is_empty() && config.backup.identity_file.is_none());
    assert!(!config.backup.role_passwords);
    assert_eq!(config.restore.jobs, 0);
    assert_eq!((config.retention.daily, config.retention.monthly), (14, 3));
    assert_eq!(config.migrations.lock_timeout, Duration::from_secs(5));
    assert_eq!(config.migrations.lock_budget, Duration::from_mins(2));
    assert_eq!(
        config.migrations.concurrent_lock_timeout,
        Duration::from_hours(1)
    );
    assert_eq!(config.migrations.statement_timeout, Duration::ZERO);
    assert!(config.migrations.rehearse);
    assert_eq!(config.migrations.backup_before, BackupBefore::Destructive);
    assert!(!config.migrations.require_approval && !config.migrations.ddl_guard);
    assert!(config.migrations.ignore.is_empty() && config.migrations.ddl_guard_roles.is_empty());
    assert_eq!(config.restore.keep_replaced, Duration::from_hours(24));
    assert!(!config.restore.require_second_person);
    assert_eq!(config.restore.approval_time, Duration::from_hours(1));
    assert_eq!(config.drill.max_size, None);
    assert_eq!(config.drill.check_timeout, Duration::from_mins(5));
    assert_eq!(config.operations.lock_wait, Duration::from_mins(10));
    assert_eq!(config.operations.shutdown_grace, Duration::from_secs(30));
    assert!(config.schedule.enabled);
    assert_eq!(config.schedule.time_zone, Tz::UTC);
    assert_eq!(config.schedule.backup.unwrap().as_str(), "0 2 * * *");
    assert_eq!(config.schedule.optimize.unwrap().as_str(), "30 3 * * 0");
    assert_eq!(config.schedule.drift.unwrap().as_str(), "0 5 * * *");
    assert_eq!(config.schedule.drill.unwrap().as_str(), "0 5 * * 0");
    assert_eq!(config.health.interval, Duration::from_secs(1));
    assert_eq!(config.health.timeout, Duration::from_millis(1500));
    assert_eq!(config.log.format, LogFormat::Auto);
    assert_eq!(
        config.log.filter,
        "info,deadpool=error,tokio_cron_scheduler=warn"
    );
}

#[test]
fn the_data_directory_of_others_than_root_follows_xdg() {
    let data_dir = |variables: &[(&str, &str)]| load_with("", variables).unwrap().data_dir;
    assert_eq!(
        data_dir(&[]),
        PathBuf::from("/home/steward/.local/share/pgsteward")
    );
    assert_eq!(
        data_dir(&[("XDG_DATA_HOME", "/data")]),
        PathBuf::from("/data/pgsteward")
    );
    let ignored = data_dir(&[("XDG_DATA_HOME", "relative")]);
    assert_eq!(
        ignored,
        PathBuf::from("/home/steward/.local/share/pgsteward")
    );
    let error = Config::read(None, [].into_iter(), false).unwrap_err();
    assert_eq!(
        error.to_string(),
        "`data_dir` is missing, and there is no HOME to choose a default from"
    );
}

#[test]
fn a_second_person_is_asked_for_only_where_there_can_be_one() {
    let token = |name: &str, role: &str| {
        let digest = "aB".repeat(32);
        format!("[[auth.tokens]]\nname = '{name}'\nrole = '{role}'\nsha256 = '{digest}'\n")
    };
    let wanted = "restore.require_second_person = true\n";
    let problem = ["`restore.require_second_person` is true, but there are not two admins"];
    assert_refused(wanted, &problem);
    let one = format!("{wanted}{}{}", token("a", "admin"), token("b", "operator"));
    assert_refused(&one, &problem);
    let two = format!("{wanted}{}{}", token("a", "admin"), token("b", "admin"));
    assert!(load(&two).restore.require_second_person);
    let local = "auth.loopback_role = 'admin'\n";
    let beside = format!("{wanted}{local}{}", token("a", "admin"));
    assert!(load(&beside).restore.require_second_person);
}

#[test]
fn a_size_is_a_number_of_bytes() {
    let config = load("drill.max_size = 5_000_000_000");
    assert_eq!(config.drill.max_size, Some(5_000_000_000));
    for wrong in ["0", "-1"] {
        let text = format!("drill.max_size = {wrong}");
        assert_refused(&text, &["`drill.max_size` must be a number of bytes"]);
    }
}

#[test]
fn relative_paths_start_at_the_working_directory() {
    let here = std::env::current_dir().unwrap();
    let stores = load("stores.kept.path = 'kept/here'").stores;
    let path = here.join("kept/here");
    assert!(matches!(&stores["kept"], Store::Directory { path: found } if *found == path));
    assert_refused("data_dir = ''", &["`data_dir` must be a path"]);
    assert_refused("data_dir = \"a\\u0000b\"", &["`data_dir` must be a path"]);
}

#[test]
fn only_loopback_listeners_are_accepted() {
    for address in [
        "127.0.0.1:0",
        "127.8.9.1:7432",
        "[::1]:7432",
        "[::ffff:127.0.0.1]:7432",
    ] {
        load(&format!("listen.grpc = '{address}'"));
    }
    for address in [
        "0.0.0.0:7432",
        "[::]:7432",
        "192.0.2.1:7432",
        "[2001:db8::1]:7432",
    ] {
        assert_refused(
            &format!("listen.grpc = '{address}'"),
            &[
                "`listen.grpc`",
                "needs TLS and authentication, and neither",
                "loopback",
                "pgsteward token new",
            ],
        );
    }
    assert_refused(
        "listen.grpc = 'localhost'",
        &["`listen.grpc` must be an address and port"],
    );
}

#[test]
fn once_there_are_tokens_the_loopback_needs_one_unless_told_otherwise() {
    let token = format!(
        "[[auth.tokens]]\nname = 'ci'\nrole = 'operator'\nsha256 = '{}'\n",
        "aB".repeat(32)
    );
    let config = load(&token);
    assert_eq!(config.auth.loopback, None);
    assert_eq!(config.auth.tokens[0].name, "ci");
    assert_eq!(
        config.auth.tokens[0].rights,
        Rights::everywhere(Role::Operator)
    );
    assert_eq!(config.auth.tokens[0].sha256.0, [0xab; 32]);
    assert_eq!(
        load(&format!("auth.loopback_role = 'viewer'\n{token}"))
            .auth
            .loopback,
        Some(Rights::everywhere(Role::Viewer))
    );
    assert_eq!(load("auth.loopback_role = 'none'").auth.loopback, None);
    assert_refused(
        "auth.loopback_role = 'root'",
        &["`auth.loopback_role` must be none, viewer, operator or admin"],
    );
    assert_refused(
        &format!("{token}{token}"),
        &["`auth.tokens.1.name` is the name of another token"],
    );
}

#[test]
fn rights_may_be_limited_to_databases_that_are_managed() {
    let loopback = |role: &str| format!("auth.loopback_role = '{role}'");
    let config = load(&loopback("viewer on *, operator on app"));
    let rights = config.auth.loopback.unwrap();
    assert_eq!(rights.to_string(), "viewer, operator on app");
    assert_refused(
        &loopback("operator on shop"),
        &[
            "`auth.loopback_role` names a database that is not managed",
            "managed are: app",
        ],
    );
    let token = "[[auth.tokens]]\nname = 'scheduler'";
    assert_refused(token, &["`auth.tokens.0.name` is a name under which"]);
}

#[test]
fn each_part_of_a_token_is_checked() {
    assert_refused("[[auth.tokens]]", &["`auth.tokens.0.name` is missing"]);
    assert_refused(
        "[[auth.tokens]]\nname = 'a b'",
        &["`auth.tokens.0.name` must be 1 to 63 letters"],
    );
    assert_refused(
        "[[auth.tokens]]\nname = 'ci'\nrole = 'none'",
        &["`auth.tokens.0.role` must be viewer"],
    );
    let token = "[[auth.tokens]]\nname = 'ci'\nrole = 'admin'\nsha256 = ";
    for digest in ["", "ab", &"g".repeat(64), &"é".repeat(32), &"+f".repeat(32)] {
        assert_refused(
            &format!("{token}'{digest}'"),
            &["`auth.tokens.0.sha256` must be the 64 hexadecimal digits"],
        );
    }
}

#[test]
fn roles_include_those_before_them() {
    assert!(Role::Viewer < Role::Operator && Role::Operator < Role::Admin);
}

#[test]
fn numbers_have_their_ranges() {
    for (key, outside) in [
        ("postgres.pool_size", ["0", "101"]),
        ("backup.level", ["0", "13"]),
        ("backup.jobs", ["-1", "65"]),
        ("restore.jobs", ["-1", "65"]),
        ("retention.daily", ["-1", "3651"]),
        ("retention.monthly", ["-1", "9223372036854775807"]),
    ] {
        for number in outside {
            assert_refused(
                &format!("{key} = {number}"),
                &[&format!("`{key}` must be"), " to "],
            );
        }
    }
    assert_eq!(load("postgres.pool_size = 100").postgres.pool_size, 100);
}

#[test]
fn the_levels_are_those_of_the_compression() {
    let zstd = "backup.compression = 'zstd'\n";
    let backup = load(zstd).backup;
    assert_eq!((backup.compression, backup.level), (ArchiveFormat::Zstd, 1));
    assert_eq!(load(&format!("{zstd}backup.level = 19")).backup.level, 19);
    assert_refused(
        &format!("{zstd}backup.level = 20"),
        &["`backup.level` must be 1 to 19"],
    );
    assert_eq!(load("backup.level = 12").backup.level, 12);
    assert_refused(
        "backup.compression = 'none'",
        &["`backup.compression` must be gzip or zstd"],
    );
}

#[test]
fn passwords_of_roles_are_kept_in_encrypted_backups_only() {
    assert_refused(
        "backup.role_passwords = true",
        &["`backup.role_passwords` needs `backup.recipients`"],
    );
    let config = load("backup = { role_passwords = true, recipients = 'age1a, age1b,' }");
    assert!(config.backup.role_passwords);
    assert_eq!(config.backup.recipients, ["age1a", "age1b"]);
    let shown = config.shown();
    assert!(shown.contains("recipients = \"age1a, age1b\""), "{shown}");
}

#[test]
fn a_retention_that_keeps_nothing_is_refused() {
    assert_refused(
        "retention = { daily = 0, monthly = 0 }",
        &["`retention.daily`", "keeps nothing"],
    );
    assert_eq!(load("retention.daily = 0").retention.monthly, 3);
}

#[test]
fn time_spans_are_bounded_and_in_whole_milliseconds() {
    assert_eq!(
        load("migrations.lock_timeout = '1m 500ms'")
            .migrations
            .lock_timeout,
        Duration::from_millis(60_500)
    );
    assert_eq!(
        load("operations.lock_wait = '0s'").operations.lock_wait,
        Duration::ZERO
    );
    for key in [
        "migrations.lock_timeout",
        "postgres.connect_timeout",
        "health.interval",
        "health.timeout",
    ] {
        assert_refused(
            &format!("{key} = '0s'"),
            &[&format!("`{key}` must be 1ms to ")],
        );
    }
    assert_refused(
        "migrations.statement_timeout = '10us'",
        &["whole milliseconds"],
    );
    assert_refused(
        "migrations.statement_timeout = '25days'",
        &["`migrations.statement_timeout` must be 0s to 24days"],
    );
    assert_refused(
        "restore.keep_replaced = '1000000years'",
        &["`restore.keep_replaced` must be"],
    );
    for text in ["", "5", "soon", "-5s"] {
        assert_refused(
            &format!("health.interval = '{text}'"),
            &["`health.interval` must be a time span such as"],
        );
    }
}

#[test]
fn jobs_have_cron_lines_of_five_fields_or_are_off() {
    let schedule =
        load("[schedule]\ntime_zone = 'Europe/Oslo'\nbackup = 'off'\noptimize = ''").schedule;
    assert_eq!(schedule.time_zone, Tz::Europe__Oslo);
    assert_eq!((schedule.backup, schedule.optimize), (None, None));
    load("schedule.backup = '0 0 29 2 *'");
    load("schedule.backup = '*/15 8-18 * * MON-FRI'");
    for line in [
        "0 0 2 * * *",
        "0 2 * *",
        "60 2 * * *",
        "0 0 31 2 *",
        "daily",
    ] {
        assert_refused(
            &format!("schedule.backup = '{line}'"),
            &["`schedule.backup` must be off, or a cron line of five"],
        );
    }
    assert_refused(
        "schedule.time_zone = 'Europe/Osl0'",
        &["`schedule.time_zone` must be an IANA time zone"],
    );
}

#[test]
fn the_log_filter_and_format_are_checked() {
    let log = load("log = { format = 'json', filter = 'warn,pgsteward::ops=debug' }").log;
    assert_eq!(
        (log.format, log.filter.as_str()),
        (LogFormat::Json, "warn,pgsteward::ops=debug")
    );
    assert_refused(
        "log.filter = 'pgsteward=loud'",
        &["`log.filter` must be a level or directives"],
    );
    assert_refused(
        "log.format = 'JSON'",
        &["`log.format` must be auto, human or json"],
    );
}

#[test]
fn values_of_the_wrong_type_are_refused_by_key() {
    assert_refused(
        "postgres.pool_size = '4'",
        &["`postgres.pool_size` must be an integer (in /etc/pgsteward.toml)"],
    );
    assert_refused(
        "health.interval = 2",
        &["`health.interval` must be a string"],
    );
    assert_refused(
        "schedule.enabled = 'yes'",
        &["`schedule.enabled` must be true or false"],
    );
    assert_refused("schedule = 1", &["`schedule` must be a table"]);
    assert_refused(
        "auth.tokens = 'x'",
        &["`auth.tokens` must be a list of tables"],
    );
    assert_refused("auth.tokens = ['x']", &["`auth.tokens.0` must be a table"]);
    assert_refused("databases = ['x']", &["`databases` must be a table"]);
}

#[test]
fn unknown_keys_are_refused_with_the_likely_one() {
    assert_refused(
        "[schedule]\ntimezone = 'UTC'",
        &[
            "unknown key `schedule.timezone` (in /etc/pgsteward.toml)",
            "did you mean `schedule.time_zone`?",
        ],
    );
    assert_refused(
        "[shedule]",
        &["unknown key `shedule`", "did you mean `schedule`?"],
    );
    assert_refused(
        "[whatever]",
        &["unknown key `whatever`", "pgsteward config example"],
    );
    assert_refused(
        "'listen.grpc' = '127.0.0.1:1'",
        &["unknown key `listen.grpc`"],
    );
    assert_refused("\"a\\nb\" = 1", &["unknown key `a\\nb`"]);
}

#[test]
fn a_syntax_error_names_file_line_and_column() {
    let told = refusal("[listen]\ngrpc = \n");
    assert!(
        told.starts_with("/etc/pgsteward.toml:2:8: not valid TOML: "),
        "{told}"
    );
    let told = refusal("log.filter = 'é' x");
    assert!(
        told.starts_with("/etc/pgsteward.toml:1:18: not valid TOML: "),
        "{told}"
    );
}

#[test]
fn a_file_that_cannot_be_read_is_named() {
    let error = Config::load(
        Some(Path::new("/nonexistent/pgsteward.toml")),
        [].into_iter(),
    )
    .unwrap_err();
    assert_eq!(
        error.to_string(),
        "cannot read the configuration file /nonexistent/pgsteward.toml"
    );
}

#[test]
fn a_file_is_loaded_from_disk() {
    let directory = tempfile::tempdir().unwrap();
    let file = directory.path().join("pgsteward.toml");
    fs::write(&file, "data_dir = '/srv'\nlisten.grpc = '[::1]:1'").unwrap();
    let config = Config::load(Some(&file), [].into_iter()).unwrap();
    assert_eq!(config.listen.grpc.port(), 1);
    assert_eq!(config.data_dir, PathBuf::from("/srv"));
}

#[test]
fn the_origin_of_a_bad_value_is_named() {
    let told = refusal_with("", &[("PGSTEWARD__BACKUP__LEVEL", "13")]);
    assert_eq!(
        told,
        "`backup.level` must be 1 to 12 (from PGSTEWARD__BACKUP__LEVEL)"
    );
}
