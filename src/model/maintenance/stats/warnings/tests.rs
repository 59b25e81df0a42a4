//! What is warned of, and what is not.

#![allow(clippy::unwrap_used)]

use super::*;
use crate::model::maintenance::stats::{Connections, OpenTransaction, Prepared, Replica};

fn at(seconds: i64) -> DateTime<Utc> {
    DateTime::from_timestamp(seconds, 0).unwrap()
}

const YOUNG: IdAge = IdAge {
    age: 1000,
    freeze_max_age: 200_000_000,
};

fn sound() -> Observed {
    Observed {
        time: at(10_000_000),
        size_bytes: 1,
        tables: Vec::new(),
        indexes: Vec::new(),
        transaction_ids: YOUNG,
        multixact_ids: YOUNG,
        connections: Connections {
            states: Vec::new(),
            server_count: 79,
            server_limit: 100,
        },
        open_transactions: Vec::new(),
        prepared: Vec::new(),
        replicas: Vec::new(),
        slots: Vec::new(),
        reads: (90, 100),
        stats_reset: Some(at(0)),
        autovacuum: true,
        limitations: Vec::new(),
    }
}

fn found(observed: &Observed) -> Vec<(Severity, &'static str)> {
    warnings(observed, Duration::from_mins(30))
        .iter()
        .map(|warning| (warning.severity, warning.reason))
        .collect()
}

fn index(name: &str) -> IndexStats {
    IndexStats {
        name: TableName::parse(name).unwrap(),
        table: "orders".to_owned(),
        size_bytes: 2 * MEBIBYTE,
        scans: 1,
        valid: true,
        dispensable: true,
        duplicate_of: None,
        bloat_bytes: None,
    }
}

fn table() -> TableStats {
    TableStats {
        name: TableName::parse("public.orders").unwrap(),
        size_bytes: 300 * MEBIBYTE,
        main_bytes: 200 * MEBIBYTE,
        rows: Some(100_000),
        dead_rows: 0,
        vacuumed: Some(at(1)),
        analyzed: Some(at(1)),
        bloat_bytes: Some(0),
        transaction_age: 5,
        autovacuum_off: false,
    }
}

#[test]
fn a_sound_database_is_not_warned_of() {
    let mut observed = sound();
    observed.tables.push(table());
    observed.indexes.push(index("public.orders_a"));
    assert_eq!(found(&observed), []);
}

#[test]
fn the_most_urgent_comes_first() {
    let mut observed = sound();
    observed.transaction_ids.age = 1_700_000_000;
    observed.multixact_ids.age = 900_000_000;
    observed.connections.server_count = 80;
    observed.indexes.push(IndexStats {
        scans: 0,
        ..index("public.orders_a")
    });
    let expected = [
        (Severity::Critical, "TRANSACTION_IDS_RUN_OUT"),
        (Severity::Warning, "MULTIXACT_IDS_RUN_OUT"),
        (Severity::Warning, "CONNECTIONS_RUN_OUT"),
        (Severity::Info, "UNUSED_INDEX"),
    ];
    assert_eq!(found(&observed), expected);
}

#[test]
fn an_index_is_called_unused_only_after_a_week_of_statistics() {
    let mut observed = sound();
    observed.indexes.push(IndexStats {
        scans: 0,
        ..index("public.orders_a")
    });
    observed.stats_reset = Some(observed.time - TimeDelta::days(6));
    assert_eq!(found(&observed), []);
    observed.stats_reset = None;
    assert_eq!(found(&observed), []);
}

#[test]
fn sessions_slots_and_standbys_are_warned_of_with_how_to_end_them() {
    let mut observed = sound();
    let open = |state: &str, age: i64| OpenTransaction {
        pid: 4711,
        role: "app".to_owned(),
        application: "psql".to_owned(),
        state: state.to_owned(),
        start: observed.time - TimeDelta::minutes(age),
        state_since: None,
    };
    observed.open_transactions = vec![
        open("active", 31),
        open("idle in transaction", 30),
        open("active", 29),
    ];
    observed.prepared = vec![Prepared {
        gid: "it's".to_owned(),
        role: "app".to_owned(),
        time: at(0),
    }];
    observed.slots = vec![Slot {
        name: "gone".to_owned(),
        kind: "physical".to_owned(),
        active: false,
        retained_bytes: Some(GIBIBYTE),
        wal_status: "extended".to_owned(),
    }];
    observed.replicas = vec![Replica {
        application: "standby".to_owned(),
        state: "streaming".to_owned(),
        lag_bytes: Some(2 * GIBIBYTE),
        lag: None,
    }];
    let all = warnings(&observed, Duration::from_mins(30));
    let reasons: Vec<&str> = all.iter().map(|warning| warning.reason).collect();
    let expected = [
        "SLOT_RETAINS_WAL",
        "REPLICATION_LAG",
        "LONG_TRANSACTION",
        "IDLE_IN_TRANSACTION",
        "OLD_PREPARED_TRANSACTION",
    ];
    assert_eq!(reasons, expected);
    assert!(all[3].hint.contains("pg_terminate_backend(4711)"));
    assert!(all[4].hint.ends_with("ROLLBACK PREPARED 'it''s'"));
}

#[test]
fn tables_are_warned_of_with_the_command_that_helps() {
    let mut observed = sound();
    observed.tables = vec![TableStats {
        name: TableName::parse(r#"public."My Orders""#).unwrap(),
        dead_rows: 50_000,
        bloat_bytes: Some(100 * MEBIBYTE),
        analyzed: None,
        autovacuum_off: true,
        ..table()
    }];
    let all = warnings(&observed, Duration::from_mins(30));
    let reasons: Vec<&str> = all.iter().map(|warning| warning.reason).collect();
    let expected = [
        "AUTOVACUUM_OFF",
        "DEAD_ROWS",
        "TABLE_BLOATED",
        "NEVER_ANALYZED",
    ];
    assert_eq!(reasons, expected);
    let hint = r#"pgsteward maintenance optimize --table 'public."My Orders"'"#;
    assert_eq!(all[1].hint, hint);
}

#[test]
fn an_index_is_warned_of_once_by_what_matters_most() {
    let mut observed = sound();
    observed.indexes = vec![
        IndexStats {
            valid: false,
            scans: 0,
            ..index("public.a")
        },
        IndexStats {
            duplicate_of: Some("public.b".to_owned()),
            scans: 0,
            ..index("public.c")
        },
    ];
    let expected = [
        (Severity::Warning, "INVALID_INDEX"),
        (Severity::Info, "DUPLICATE_INDEX"),
    ];
    assert_eq!(found(&observed), expected);
}
