//! The rule as tables, and what must hold for any list of backups.

#![allow(clippy::unwrap_used)]

use std::collections::HashSet;

use chrono::Days;
use proptest::prelude::*;

use super::*;
use crate::model::backup::ArchiveFormat;

const NOW: &str = "2027-01-01T00:00:00Z";

fn at(text: &str) -> DateTime<Utc> {
    text.parse().unwrap()
}

fn backup(kind: BackupKind, complete_time: DateTime<Utc>) -> RetentionInput {
    RetentionInput {
        filename: BackupName::new("app", complete_time, 1, ArchiveFormat::Gzip, false),
        kind,
        complete_time,
        size_bytes: 1,
        hold: false,
    }
}

fn scheduled(times: &[&str]) -> Vec<RetentionInput> {
    times
        .iter()
        .map(|time| backup(BackupKind::Scheduled, at(time)))
        .collect()
}

/// One backup a day at 02:00 UTC, for `days` days that end with `last`.
fn nightly(last: &str, days: u64) -> Vec<RetentionInput> {
    (0..days)
        .map(|back| {
            backup(
                BackupKind::Scheduled,
                at(&format!("{last}T02:00:00Z")) - Days::new(back),
            )
        })
        .collect()
}

fn decide(backups: &[RetentionInput], daily: u32, monthly: u32, zone: Tz) -> Vec<Decision> {
    plan(backups, RetentionPolicy { daily, monthly }, zone, at(NOW))
}

fn kept(decisions: &[Decision]) -> Vec<String> {
    decisions
        .iter()
        .filter(|decision| decision.keep)
        .map(|decision| decision.backup.complete_time.format("%m-%dT%H").to_string())
        .collect()
}

fn reasons(decisions: &[Decision]) -> Vec<&str> {
    decisions
        .iter()
        .map(|decision| decision.reason.as_str())
        .collect()
}

#[test]
fn the_default_keeps_fourteen_days_and_the_ends_of_three_completed_months() {
    let decisions = plan(
        &nightly("2026-11-22", 200),
        RetentionPolicy::default(),
        Tz::UTC,
        at(NOW),
    );
    let mut expected: Vec<String> = (9..=22)
        .rev()
        .map(|day| format!("11-{day:02}T02"))
        .collect();
    expected.extend(["10-31T02", "09-30T02", "08-31T02"].map(str::to_owned));
    assert_eq!(kept(&decisions), expected);

    let reason = |back: usize| decisions[back].reason.as_str();
    assert_eq!(reason(0), "newest good backup, daily 1 of 14 (2026-11-22)");
    assert_eq!(reason(2), "daily 3 of 14 (2026-11-20)");
    assert_eq!(reason(14), "older than 14 days and not the month's last");
    assert_eq!(reason(22), "monthly 1 of 3 (2026-10)");
    assert_eq!(reason(23), "older than 14 days and not the month's last");
    assert_eq!(reason(199), "older than 14 days and 3 completed months");
}

#[test]
fn a_backup_that_is_daily_and_monthly_says_both_and_takes_no_second_place() {
    let decisions = decide(&nightly("2026-11-02", 40), 3, 1, Tz::UTC);
    assert_eq!(kept(&decisions), ["11-02T02", "11-01T02", "10-31T02"]);
    assert_eq!(
        decisions[2].reason,
        "daily 3 of 3 (2026-10-31), monthly 1 of 1 (2026-10)"
    );
}

#[test]
fn only_the_newest_of_a_day_stays() {
    let decisions = decide(
        &scheduled(&[
            "2026-11-22T02:00:00Z",
            "2026-11-21T15:00:00Z",
            "2026-11-21T02:00:00Z",
        ]),
        14,
        3,
        Tz::UTC,
    );
    assert_eq!(
        reasons(&decisions),
        [
            "newest good backup, daily 1 of 14 (2026-11-22)",
            "daily 2 of 14 (2026-11-21)",
            "not the newest of its day (2026-11-21)",
        ]
    );
}

#[test]
fn days_without_a_backup_do_not_stretch_the_window() {
    let backups = scheduled(&[
        "2026-11-22T02:00:00Z",
        "2026-11-20T02:00:00Z",
        "2026-11-19T02:00:00Z",
    ]);
    assert_eq!(
        kept(&decide(&backups, 3, 0, Tz::UTC)),
        ["11-22T02", "11-20T02"]
    );
}

#[test]
fn nothing_ages_while_no_backup_succeeds() {
    let backups = nightly("2026-06-30", 14);
    let decisions = decide(&backups, 14, 3, Tz::UTC);
    assert!(decisions.iter().all(|decision| decision.keep));
}

#[test]
fn the_running_month_is_no_completed_month_even_on_its_last_day() {
    let backups = nightly("2026-11-30", 40);
    assert_eq!(
        kept(&decide(&backups, 1, 1, Tz::UTC)),
        ["11-30T02", "10-31T02"]
    );
    // A month later the thirtieth is the one of November.
    let later = nightly("2026-12-01", 41);
    assert_eq!(
        kept(&decide(&later, 1, 1, Tz::UTC)),
        ["12-01T02", "11-30T02"]
    );
}

#[test]
fn months_count_across_the_turn_of_the_year() {
    let backups = scheduled(&[
        "2026-01-10T02:00:00Z",
        "2025-12-31T02:00:00Z",
        "2025-11-30T02:00:00Z",
        "2025-10-31T02:00:00Z",
    ]);
    assert_eq!(
        kept(&decide(&backups, 1, 2, Tz::UTC)),
        ["01-10T02", "12-31T02", "11-30T02"]
    );
}

#[test]
fn the_newest_stays_under_a_policy_of_nothing() {
    let decisions = decide(&nightly("2026-11-22", 3), 0, 0, Tz::UTC);
    assert_eq!(kept(&decisions), ["11-22T02"]);
    assert_eq!(decisions[0].reason, "newest good backup");
}

#[test]
fn manual_and_pre_restore_backups_are_kept_and_take_no_place() {
    let mut backups = nightly("2026-11-20", 3);
    for (kind, time) in [
        (BackupKind::Manual, "2026-12-24T12:00:00Z"),
        (BackupKind::PreRestore, "2026-11-20T23:00:00Z"),
        (BackupKind::Manual, "2020-01-01T00:00:00Z"),
    ] {
        backups.push(backup(kind, at(time)));
    }
    assert_eq!(
        reasons(&decide(&backups, 2, 0, Tz::UTC)),
        [
            "manual backups are kept",
            "backups made before a restore are kept",
            "newest good backup, daily 1 of 2 (2026-11-20)",
            "daily 2 of 2 (2026-11-19)",
            "older than 2 days and not the month's last",
            "manual backups are kept",
        ]
    );
}

#[test]
fn a_completion_time_in_the_future_stays_and_makes_no_other_look_old() {
    let mut backups = nightly("2026-11-22", 2);
    backups.extend(scheduled(&["2038-01-19T03:14:07Z"]));
    assert_eq!(
        reasons(&decide(&backups, 14, 3, Tz::UTC)),
        [
            "completed in the future: a clock is wrong",
            "newest good backup, daily 1 of 14 (2026-11-22)",
            "daily 2 of 14 (2026-11-21)",
        ]
    );
}

#[test]
fn order_is_by_completion_and_not_by_name() {
    // The later snapshot was complete first: a small database's second try beside a slow first one.
    let mut slow = backup(BackupKind::Scheduled, at("2026-11-22T02:00:00Z"));
    slow.complete_time = at("2026-11-22T09:00:00Z");
    let quick = backup(BackupKind::Scheduled, at("2026-11-22T03:00:00Z"));
    let decisions = decide(&[quick, slow.clone()], 1, 0, Tz::UTC);
    assert_eq!(decisions[0].backup, slow);
    assert!(decisions[0].keep && !decisions[1].keep);
}

#[test]
fn days_and_months_are_those_of_the_time_zone() {
    // 23:30 UTC on the 31st is the next day, and the next month, in Berlin.
    let backups = scheduled(&["2026-11-01T22:30:00Z", "2026-10-31T23:30:00Z"]);
    assert_eq!(kept(&decide(&backups, 1, 1, Tz::UTC)).len(), 2);
    assert_eq!(
        reasons(&decide(&backups, 1, 1, Tz::Europe__Berlin)),
        [
            "newest good backup, daily 1 of 1 (2026-11-01)",
            "not the newest of its day (2026-11-01)",
        ]
    );
}

#[test]
fn a_day_of_23_or_25_hours_is_one_day() {
    // In Berlin, 2026-03-29 has 23 hours and 2026-10-25 has 25; the last two times of each row are midnight to midnight.
    for (times, days) in [
        (
            [
                "2026-03-29T22:00:00Z",
                "2026-03-29T21:59:59Z",
                "2026-03-28T23:00:00Z",
            ],
            2,
        ),
        (
            [
                "2026-10-25T23:00:00Z",
                "2026-10-25T22:59:59Z",
                "2026-10-24T22:00:00Z",
            ],
            2,
        ),
    ] {
        let decisions = decide(&scheduled(&times), 14, 0, Tz::Europe__Berlin);
        assert_eq!(kept(&decisions).len(), days, "{decisions:?}");
        assert!(!decisions[2].keep);
    }
}

fn any_backups() -> impl Strategy<Value = Vec<RetentionInput>> {
    let kind = prop_oneof![
        4 => Just(BackupKind::Scheduled),
        1 => Just(BackupKind::Manual),
        1 => Just(BackupKind::PreRestore),
    ];
    // About 2026, to the second, with several a day and some after `NOW`.
    let seconds = 1_767_000_000_i64..1_799_000_000;
    proptest::collection::vec((kind, seconds), 0..120).prop_map(|rows| {
        rows.into_iter()
            .enumerate()
            .map(|(index, (kind, seconds))| {
                let time = DateTime::from_timestamp(seconds, 0).unwrap();
                RetentionInput {
                    filename: BackupName::new(
                        &format!("app{index}"),
                        time,
                        1,
                        ArchiveFormat::Gzip,
                        false,
                    ),
                    kind,
                    complete_time: time,
                    size_bytes: 1,
                    hold: false,
                }
            })
            .collect()
    })
}

fn any_zone() -> impl Strategy<Value = Tz> {
    proptest::sample::select(vec![
        Tz::UTC,
        Tz::Europe__Berlin,
        Tz::America__St_Johns,
        Tz::Pacific__Apia,
        Tz::Australia__Lord_Howe,
    ])
}

fn names(decisions: &[Decision], keep: bool) -> HashSet<BackupName> {
    decisions
        .iter()
        .filter(|decision| decision.keep == keep)
        .map(|decision| decision.backup.filename.clone())
        .collect()
}

proptest! {
    #[test]
    fn whatever_the_backups_the_rule_holds(
        backups in any_backups(),
        daily in 0_u32..20,
        monthly in 0_u32..5,
        zone in any_zone(),
    ) {
        let decisions = decide(&backups, daily, monthly, zone);
        let counts = |backup: &RetentionInput| {
            backup.kind == BackupKind::Scheduled && backup.complete_time <= at(NOW)
        };

        // One decision each, newest first, always with a reason.
        prop_assert_eq!(decisions.len(), backups.len());
        prop_assert!(decisions.is_sorted_by(|a, b| a.backup.complete_time >= b.backup.complete_time));
        prop_assert!(decisions.iter().all(|decision| !decision.reason.is_empty()));
        // Nothing but a scheduled backup of the past is removed, and never the newest.
        prop_assert!(decisions.iter().all(|decision| decision.keep || counts(&decision.backup)));
        let newest = decisions.iter().find(|decision| counts(&decision.backup));
        prop_assert!(newest.is_none_or(|decision| decision.keep));
        prop_assert!(decisions.first().is_none_or(|decision| decision.keep));
        // No more stay than have a place.
        let places = u64::from(daily) + u64::from(monthly) + 1;
        let staying = decisions.iter().filter(|decision| decision.keep && counts(&decision.backup));
        prop_assert!(staying.count() as u64 <= places);

        // A second run over what stayed removes nothing more and gives the same reasons.
        let staying: Vec<RetentionInput> = decisions
            .iter()
            .filter(|decision| decision.keep)
            .map(|decision| decision.backup.clone())
            .collect();
        let again = decide(&staying, daily, monthly, zone);
        let first: Vec<_> = decisions.iter().filter(|decision| decision.keep).cloned().collect();
        prop_assert_eq!(again, first);
    }

    #[test]
    fn a_newer_backup_never_brings_an_older_one_back(
        backups in any_backups(),
        daily in 0_u32..20,
        monthly in 0_u32..5,
        zone in any_zone(),
        days_later in 0_u64..100,
    ) {
        // Those of the future begin to count when time reaches them; that is another matter.
        let mut backups = backups;
        backups.retain(|backup| backup.complete_time <= at(NOW));
        let removed = names(&decide(&backups, daily, monthly, zone), false);

        let newest = backups.iter().map(|backup| backup.complete_time).max();
        let newer = newest.unwrap_or_else(|| at(NOW)) + Days::new(days_later);
        backups.push(backup(BackupKind::Scheduled, newer));
        let policy = RetentionPolicy { daily, monthly };
        let later = plan(&backups, policy, zone, newer);
        prop_assert!(removed.is_disjoint(&names(&later, true)));
    }
}

#[test]
fn a_held_backup_stays_and_takes_no_others_place() {
    let mut backups = nightly("2026-12-31", 4);
    backups[3].hold = true;
    backups[0].hold = true;
    let decisions = decide(&backups, 2, 0, Tz::UTC);
    assert_eq!(kept(&decisions), ["12-31T02", "12-30T02", "12-28T02"]);
    assert!(reasons(&decisions)[0].starts_with("held, newest good backup"));
    assert_eq!(reasons(&decisions)[3], "held");
}
