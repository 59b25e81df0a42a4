//! When ticks are, across the changes of daylight saving time.

use chrono::{NaiveDate, NaiveDateTime};
use proptest::prelude::*;

use super::*;

#[test]
fn a_daily_job_keeps_its_local_hour_across_the_start_of_summer_time() {
    let job = job("0 9 * * *", "Europe/Oslo");
    let seen = ticks(&job, "2026-03-27T12:00:00Z", 3);
    assert_eq!(seen, ["03-28 08:00", "03-29 07:00", "03-30 07:00"]);
}

#[test]
fn a_job_in_the_skipped_hour_runs_once_right_after_it() {
    let job = job("30 2 * * *", "Europe/Oslo");
    let seen = ticks(&job, "2026-03-28T12:00:00Z", 2);
    assert_eq!(seen, ["03-29 01:00", "03-30 00:30"]);
}

#[test]
fn a_job_in_the_repeated_hour_runs_once() {
    let job = job("30 2 * * *", "Europe/Oslo");
    let seen = ticks(&job, "2026-10-24T12:00:00Z", 2);
    assert_eq!(seen, ["10-25 00:30", "10-26 01:30"]);
}

#[test]
fn sunday_is_day_zero() {
    let job = job("30 3 * * 0", "UTC");
    let seen = ticks(&job, "2026-11-23T00:00:00Z", 2);
    assert_eq!(seen, ["11-29 03:30", "12-06 03:30"]);
}

/// Zones with changes at midnight, of half an hour, in the southern half, and without any.
const ZONES: [&str; 8] = [
    "Europe/Oslo",
    "America/New_York",
    "America/Sao_Paulo",
    "Australia/Lord_Howe",
    "Asia/Beirut",
    "Africa/Cairo",
    "Asia/Kolkata",
    "UTC",
];

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    #[test]
    fn a_daily_job_runs_exactly_once_on_each_day_of_its_zone_for_years(
        zone in prop::sample::select(ZONES.to_vec()),
        hour in 0_u32..24,
        minute in 0_u32..60,
        year in 2005_i32..2030,
    ) {
        let job = job(&format!("{minute} {hour} * * *"), zone);
        let first = NaiveDate::from_ymd_opt(year, 1, 2).unwrap();
        let mut now = NaiveDateTime::from(first).and_utc() - TimeDelta::days(2);
        // The first tick of the first day.
        loop {
            let tick = job.next_after(now).unwrap();
            if tick.with_timezone(&job.time_zone).date_naive() >= first {
                break;
            }
            now = tick;
        }
        for day in first.iter_days().take(800) {
            let tick = job.next_after(now).unwrap();
            let local = tick.with_timezone(&job.time_zone);
            prop_assert_eq!(local.date_naive(), day, "{} {}", zone, local);
            let wanted = day.and_hms_opt(hour, minute, 0).unwrap();
            // At its time; right after a gap that holds it, never before and never more than a gap's length later.
            let late = local.naive_local() - wanted;
            prop_assert!((TimeDelta::zero()..=TimeDelta::hours(1)).contains(&late), "{} {}", zone, local);
            now = tick;
        }
    }

    #[test]
    fn whatever_the_moments_of_looking_each_tick_is_dealt_with_once_and_in_order(
        zone in prop::sample::select(ZONES.to_vec()),
        cron in prop::sample::select(vec!["30 2 * * *", "*/20 * * * *", "0 0 * * 0", "15 1-3 * * *"]),
        jitter in 0_u64..7200,
        looks in prop::collection::vec(1_i64..100_000, 1..60),
        month in 1_u32..=12,
    ) {
        let mut job = job(cron, zone);
        job.rules.jitter = Duration::from_secs(jitter);
        let start = NaiveDate::from_ymd_opt(2026, month, 20).unwrap().and_hms_opt(0, 0, 0).unwrap().and_utc();
        let (mut now, mut considered, mut dealt) = (start, start, Vec::new());
        for look in looks {
            now += TimeDelta::seconds(look);
            if let Some(due) = job.due(considered, now) {
                let mut slot = considered;
                for _ in 0..due.ticks {
                    slot = job.next_after(slot).unwrap();
                    prop_assert!(job.due_at(slot) <= now);
                    dealt.push(slot);
                }
                prop_assert_eq!(slot, due.last);
                considered = due.last;
            }
        }
        // The ticks one after the other, none left out.
        let (mut slot, mut expected) = (start, Vec::new());
        for _ in 0..dealt.len() {
            slot = job.next_after(slot).unwrap();
            expected.push(slot);
        }
        prop_assert_eq!(dealt, expected);
        prop_assert!(job.due_at(job.next_after(considered).unwrap()) > now);
    }
}

#[test]
fn jitter_puts_a_tick_off_by_what_job_and_tick_say_and_not_beyond_the_next() {
    let mut daily = job("0 2 * * *", "UTC");
    daily.rules.jitter = Duration::from_mins(30);
    let slot = at("2026-11-22T02:00:00Z");
    let offsets: Vec<i64> = (0..20)
        .map(|day| {
            let slot = slot + TimeDelta::days(day);
            assert_eq!(daily.due_at(slot), daily.clone().due_at(slot));
            (daily.due_at(slot) - slot).num_seconds()
        })
        .collect();
    assert!(
        offsets.iter().all(|offset| (0..=1800).contains(offset)),
        "{offsets:?}"
    );
    let different: std::collections::BTreeSet<_> = offsets.iter().collect();
    assert!(different.len() > 15, "{offsets:?}");
    let other = Job {
        name: "backup/shop".to_owned(),
        ..daily.clone()
    };
    assert_ne!(other.due_at(slot), daily.due_at(slot));

    let mut often = job("* * * * *", "UTC");
    often.rules.jitter = Duration::from_hours(5);
    assert!(often.due_at(slot) - slot <= TimeDelta::seconds(30));
}
