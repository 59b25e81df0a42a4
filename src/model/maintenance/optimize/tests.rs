//! Which tables are vacuumed, which are analyzed, and in which order.

#![allow(clippy::unwrap_used)]

use super::*;

fn plain(oid: u32, size_bytes: i64) -> TableState {
    TableState {
        oid,
        name: TableName::parse(&format!("public.t{oid}")).unwrap(),
        kind: TableKind::Plain,
        ancestors: Vec::new(),
        temporary: false,
        permitted: true,
        size_bytes,
        pages: size_bytes / 8192,
        rows: 1000.0,
        dead_rows: 0,
        inserted_rows: 0,
        changed_rows: 0,
        analyzed: DateTime::from_timestamp(1_000, 0),
        freeze_due: false,
    }
}

fn partitioned(oid: u32) -> TableState {
    TableState {
        kind: TableKind::Partitioned,
        analyzed: DateTime::from_timestamp(2_000, 0),
        ..plain(oid, 0)
    }
}

fn part(oid: u32, ancestors: &[u32]) -> TableState {
    TableState {
        ancestors: ancestors.to_vec(),
        ..plain(oid, 1)
    }
}

fn actions(tables: &[PlannedTable]) -> Vec<(u32, OptimizeAction)> {
    tables
        .iter()
        .map(|table| (table.state.oid, table.action))
        .collect()
}

fn stale() -> OptimizeOptions {
    OptimizeOptions {
        stale: true,
        ..OptimizeOptions::default()
    }
}

use OptimizeAction::{Analyze, Vacuum, VacuumAnalyze};

#[test]
fn the_largest_table_comes_first() {
    let plan = plan(
        vec![plain(1, 10), plain(2, 30), plain(3, 20)],
        &OptimizeOptions::default(),
    );
    let expected = [(2, VacuumAnalyze), (3, VacuumAnalyze), (1, VacuumAnalyze)];
    assert_eq!(actions(&plan.plain), expected);
}

#[test]
fn partitions_are_vacuumed_and_analyzed_with_their_topmost_table() {
    let tables = || {
        vec![
            partitioned(1),
            part(2, &[1]),
            {
                let mut middle = partitioned(3);
                middle.ancestors = vec![1];
                middle
            },
            part(4, &[1, 3]),
        ]
    };
    let whole = plan(tables(), &OptimizeOptions::default());
    assert_eq!(actions(&whole.plain), [(2, Vacuum), (4, Vacuum)]);
    assert_eq!(actions(&whole.read_through), [(1, Analyze)]);

    let only = OptimizeOptions {
        analyze_only: true,
        ..OptimizeOptions::default()
    };
    let analyzed = plan(tables(), &only);
    assert!(analyzed.plain.is_empty());
    assert_eq!(actions(&analyzed.read_through), [(1, Analyze)]);

    let named = OptimizeOptions {
        tables: vec![TableName::parse("public.t3").unwrap()],
        ..OptimizeOptions::default()
    };
    let named = plan(tables(), &named);
    assert_eq!(actions(&named.plain), [(4, Vacuum)]);
    assert_eq!(actions(&named.read_through), [(3, Analyze)]);
}

#[test]
fn of_a_partitioned_table_that_may_not_be_analyzed_the_partitions_are() {
    let mut whole = partitioned(1);
    whole.permitted = false;
    let plan = plan(vec![whole, part(2, &[1])], &OptimizeOptions::default());
    assert_eq!(actions(&plan.plain), [(2, VacuumAnalyze)]);
    assert_eq!(plan.read_through, []);
}

#[test]
fn a_stale_run_does_to_each_table_what_it_needs_and_counts_the_others() {
    let tables = vec![
        plain(1, 1),
        TableState {
            dead_rows: 151,
            ..plain(2, 2)
        },
        TableState {
            changed_rows: 101,
            ..plain(3, 3)
        },
        TableState {
            freeze_due: true,
            analyzed: None,
            ..plain(4, 4)
        },
        TableState {
            inserted_rows: 1201,
            ..plain(5, 5)
        },
        TableState {
            dead_rows: 150,
            changed_rows: 100,
            inserted_rows: 1200,
            ..plain(6, 6)
        },
    ];
    let plan = plan(tables, &stale());
    let expected = [(5, Vacuum), (4, VacuumAnalyze), (3, Analyze), (2, Vacuum)];
    assert_eq!(actions(&plan.plain), expected);
    assert_eq!(plan.fresh, 2);
}

#[test]
fn a_partitioned_table_is_stale_when_a_partition_was_analyzed_after_it() {
    let plan_of = |analyzed: i64| {
        let part = TableState {
            analyzed: DateTime::from_timestamp(analyzed, 0),
            ..part(2, &[1])
        };
        plan(vec![partitioned(1), part], &stale())
    };
    assert_eq!(plan_of(1_999).read_through, []);
    assert_eq!(actions(&plan_of(2_001).read_through), [(1, Analyze)]);
}

#[test]
fn what_cannot_be_vacuumed_is_skipped_with_why() {
    let tables = vec![
        TableState {
            temporary: true,
            ..plain(1, 1)
        },
        TableState {
            permitted: false,
            ..plain(2, 2)
        },
    ];
    let plan = plan(tables, &OptimizeOptions::default());
    let whys: Vec<&OptimizeOutcome> = plan.skipped.iter().map(|t| &t.outcome).collect();
    assert_eq!(
        whys,
        [
            &OptimizeOutcome::Skipped(TEMPORARY.to_owned()),
            &OptimizeOutcome::Skipped(NOT_PERMITTED.to_owned())
        ]
    );
}
