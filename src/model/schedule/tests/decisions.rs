//! What is done about a job, from what is recorded of it and what else is going on.

use super::*;

fn known(considered: &str) -> Known {
    Known::new(at(considered))
}

fn open(slot: &str, attempt: u32, stage: Stage) -> OpenRun {
    OpenRun {
        slot: at(slot),
        attempt,
        by_hand: false,
        operation: None,
        stage,
    }
}

fn decide(job: &Job, known: &Known, now: &str) -> Step {
    plan(job, known, Around::default(), at(now))
}

fn failure(kind: Kind) -> Failure {
    Failure::new(kind, "A_REASON", "it went wrong")
}

const MAINTENANCE: Around = Around {
    maintenance: true,
    backup: false,
};

#[test]
fn before_its_tick_a_job_waits_for_it_and_at_its_tick_it_is_claimed() {
    let job = job("0 2 * * *", "UTC");
    let known = known("2026-11-22T01:00:00Z");
    let tick = at("2026-11-22T02:00:00Z");
    assert_eq!(
        decide(&job, &known, "2026-11-22T01:59:59Z"),
        Step::Wait(Some(tick))
    );
    let due = Due {
        first: tick,
        last: tick,
        ticks: 1,
    };
    assert_eq!(
        decide(&job, &known, "2026-11-22T02:00:00Z"),
        Step::Claim(due)
    );
}

#[test]
fn a_sunday_that_was_missed_is_found_on_monday_and_run_once() {
    let mut weekly = job("30 3 * * 0", "UTC");
    weekly.rules.catch_up = Duration::from_hours(48);
    let sunday = at("2026-11-22T03:30:00Z");
    let due = Due {
        first: sunday,
        last: sunday,
        ticks: 1,
    };
    let mut known = known("2026-11-15T03:30:00Z");
    assert_eq!(
        decide(&weekly, &known, "2026-11-23T09:00:00Z"),
        Step::Claim(due)
    );
    known.considered = sunday;
    let next = at("2026-11-29T03:30:00Z");
    assert_eq!(
        decide(&weekly, &known, "2026-11-23T09:00:00Z"),
        Step::Wait(Some(next))
    );
}

#[test]
fn several_missed_ticks_are_one_run_which_says_so() {
    let job = job("0 2 * * *", "UTC");
    let due = Due {
        first: at("2026-11-20T02:00:00Z"),
        last: at("2026-11-23T02:00:00Z"),
        ticks: 4,
    };
    let step = decide(&job, &known("2026-11-19T02:00:00Z"), "2026-11-23T08:00:00Z");
    assert_eq!(step, Step::Claim(due));
}

#[test]
fn beyond_its_window_a_tick_is_recorded_as_missed() {
    let mut job = job("0 2 * * *", "UTC");
    let known = known("2026-11-21T02:00:00Z");
    let state = |step: Step| match step {
        Step::Pass { state, .. } => Some(state),
        _ => None,
    };
    assert_eq!(state(decide(&job, &known, "2026-11-22T14:00:00Z")), None);
    let late = decide(&job, &known, "2026-11-22T14:00:01Z");
    assert_eq!(state(late), Some(RunState::Missed));
    // Without a window, what is late by a poll is still on time.
    job.rules.catch_up = Duration::ZERO;
    assert_eq!(state(decide(&job, &known, "2026-11-22T02:00:59Z")), None);
    let late = decide(&job, &known, "2026-11-22T02:01:01Z");
    assert_eq!(state(late), Some(RunState::Missed));
}

#[test]
fn years_of_missed_minutes_are_dealt_with_piece_by_piece_and_end_in_one_run() {
    let mut job = job("* * * * *", "UTC");
    job.rules.catch_up = Duration::from_mins(5);
    let mut known = known("2026-10-01T00:00:00Z");
    let (mut missed, mut claimed) = (0, 0);
    loop {
        match decide(&job, &known, "2026-11-25T12:00:30Z") {
            Step::Pass {
                due,
                state: RunState::Missed,
                ..
            } => {
                missed += due.ticks;
                known.considered = due.last;
            }
            Step::Claim(due) => {
                claimed += 1;
                missed += due.ticks - 1;
                known.considered = due.last;
            }
            Step::Wait(_) => break,
            other => panic!("{other:?}"),
        }
    }
    assert_eq!((missed + 1, claimed), (55 * 1440 + 720, 1));
}

#[test]
fn a_clock_that_is_set_back_runs_nothing_again() {
    let job = job("0 2 * * *", "UTC");
    let known = known("2026-11-22T02:00:00Z");
    let next = at("2026-11-23T02:00:00Z");
    for now in ["2026-11-22T01:00:00Z", "2026-11-20T02:00:00Z"] {
        assert_eq!(decide(&job, &known, now), Step::Wait(Some(next)));
    }
}

#[test]
fn a_tick_that_comes_while_the_last_run_goes_on_is_skipped_and_says_why() {
    let job = job("0 * * * *", "UTC");
    let mut known = known("2026-11-22T02:00:00Z");
    known
        .open
        .push(open("2026-11-22T02:00:00Z", 1, Stage::UnderWay));
    match decide(&job, &known, "2026-11-22T03:00:00Z") {
        Step::Pass {
            state: RunState::Skipped,
            message,
            due,
        } => {
            let expected = "the run of 2026-11-22T02:00:00Z was still going on";
            assert_eq!((message.as_str(), due.ticks), (expected, 1));
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn a_claim_that_was_not_started_is_started_before_all_else() {
    let job = job("0 2 * * *", "UTC");
    let mut known = known("2026-11-22T02:00:00Z");
    known
        .open
        .push(open("2026-11-22T02:00:00Z", 2, Stage::Ours));
    let step = decide(&job, &known, "2026-11-25T02:00:00Z");
    assert_eq!(
        step,
        Step::Start {
            slot: at("2026-11-22T02:00:00Z"),
            attempt: 2
        }
    );
}

#[test]
fn only_failures_that_may_pass_are_tried_again_with_longer_and_longer_waits() {
    let job = job("0 2 * * *", "UTC");
    let now = at("2026-11-22T02:10:00Z");
    let judge = |kind, attempt| {
        let run = open("2026-11-22T02:00:00Z", attempt, Stage::UnderWay);
        verdict(&job, &run, &End::Failed(failure(kind)), now)
    };
    let waits: Vec<Option<i64>> = (1..=4)
        .map(|attempt| match judge(Kind::Unavailable, attempt) {
            Verdict::Retry { at, .. } => Some((at - now).num_minutes()),
            Verdict::Over { .. } => None,
        })
        .collect();
    assert_eq!(waits, [Some(1), Some(2), Some(4), None]);
    for kind in [
        Kind::Aborted,
        Kind::DeadlineExceeded,
        Kind::ResourceExhausted,
    ] {
        assert!(matches!(judge(kind, 1), Verdict::Retry { .. }), "{kind:?}");
    }
    for kind in [
        Kind::Internal,
        Kind::FailedPrecondition,
        Kind::DataLoss,
        Kind::PermissionDenied,
    ] {
        let over = Verdict::Over {
            state: RunState::Failed,
            message: "it went wrong".to_owned(),
        };
        assert_eq!(judge(kind, 1), over);
    }
}

#[test]
fn what_its_daemon_cut_off_is_tried_again_at_once_and_what_a_person_cancelled_is_not() {
    let job = job("0 2 * * *", "UTC");
    let now = at("2026-11-22T02:10:00Z");
    let run = open("2026-11-22T02:00:00Z", 1, Stage::UnderWay);
    let died = Failure::new(Kind::Aborted, "DAEMON_DIED", "it died");
    for cut in [
        End::of_failure(died.clone(), false),
        End::of_failure(Failure::cancelled(), false),
    ] {
        assert!(matches!(verdict(&job, &run, &cut, now), Verdict::Retry { at, .. } if at == now));
    }
    let verdict_of = |run: &OpenRun, end: &End| match verdict(&job, run, end, now) {
        Verdict::Over { state, .. } => Some(state),
        Verdict::Retry { .. } => None,
    };
    for failure in [Failure::cancelled(), died.clone()] {
        let end = End::of_failure(failure, true);
        assert_eq!(verdict_of(&run, &end), Some(RunState::Cancelled));
    }
    let last = open("2026-11-22T02:00:00Z", 4, Stage::UnderWay);
    let end = End::of_failure(died, false);
    assert_eq!(verdict_of(&last, &end), Some(RunState::Failed));
    let by_hand = OpenRun {
        by_hand: true,
        ..run
    };
    assert_eq!(verdict_of(&by_hand, &end), Some(RunState::Failed));
}

#[test]
fn a_retry_waits_for_its_time_and_makes_way_for_the_next_tick() {
    let job = job("0 2 * * *", "UTC");
    let mut known = known("2026-11-22T02:00:00Z");
    let (slot, at_time) = (at("2026-11-22T02:00:00Z"), at("2026-11-22T02:11:00Z"));
    let stage = Stage::Retrying {
        at: at_time,
        message: "no disk".to_owned(),
    };
    known.open.push(open("2026-11-22T02:00:00Z", 1, stage));
    assert_eq!(
        decide(&job, &known, "2026-11-22T02:10:00Z"),
        Step::Wait(Some(at_time))
    );
    let retry = Step::Retry { slot, attempt: 1 };
    assert_eq!(decide(&job, &known, "2026-11-22T02:11:00Z"), retry);
    match decide(&job, &known, "2026-11-23T02:00:00Z") {
        Step::Settle {
            verdict:
                Verdict::Over {
                    state: RunState::Failed,
                    message,
                },
            ..
        } => {
            assert_eq!(
                message,
                "no disk; not tried again, since the next tick has come"
            );
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn ticks_in_a_pause_are_skipped_also_when_they_are_looked_at_after_it() {
    let job = job("0 2 * * *", "UTC");
    let mut known = known("2026-11-21T02:00:00Z");
    known.pause = Some(Pause {
        since: at("2026-11-21T12:00:00Z"),
        until: Some(at("2026-11-22T03:00:00Z")),
        principal: "anna".to_owned(),
        reason: "new disk".to_owned(),
    });
    let is_skipped = |known: &Known, now: &str| match decide(&job, known, now) {
        Step::Pass {
            state: RunState::Skipped,
            message,
            ..
        } => {
            assert_eq!(message, "paused by anna: new disk");
        }
        other => panic!("{other:?}"),
    };
    for now in ["2026-11-22T02:00:00Z", "2026-11-22T09:00:00Z"] {
        is_skipped(&known, now);
    }
    // So is one that came before the pause and waited for something else.
    let mut waited = known.clone();
    waited.considered = at("2026-11-20T02:00:00Z");
    is_skipped(&waited, "2026-11-21T12:00:00Z");
    known.considered = at("2026-11-22T02:00:00Z");
    assert!(matches!(
        decide(&job, &known, "2026-11-23T02:00:00Z"),
        Step::Claim(_)
    ));
}

#[test]
fn in_maintenance_mode_a_tick_waits_within_its_window_and_then_is_skipped() {
    let job = job("0 2 * * *", "UTC");
    let known = known("2026-11-21T02:00:00Z");
    let decide = |around, now: &str| plan(&job, &known, around, at(now));
    let end = at("2026-11-22T14:00:00Z");
    assert_eq!(
        decide(MAINTENANCE, "2026-11-22T02:00:00Z"),
        Step::Wait(Some(end))
    );
    assert!(matches!(
        decide(Around::default(), "2026-11-22T13:00:00Z"),
        Step::Claim(_)
    ));
    match decide(MAINTENANCE, "2026-11-22T14:00:01Z") {
        Step::Pass {
            state: RunState::Skipped,
            message,
            ..
        } => {
            let expected = "the database was in maintenance mode for longer than the job's window";
            assert_eq!(message, expected);
        }
        other => panic!("{other:?}"),
    }
}

#[test]
fn an_optimize_waits_for_the_backup_and_nothing_else_does() {
    let around = Around {
        maintenance: false,
        backup: true,
    };
    let known = known("2026-11-21T02:00:00Z");
    for (kind, waits) in [("optimize", true), ("backup", false), ("drift", false)] {
        let job = Job {
            name: format!("{kind}/app"),
            ..job("0 2 * * *", "UTC")
        };
        let step = plan(&job, &known, around, at("2026-11-22T02:00:00Z"));
        assert_eq!(matches!(step, Step::Wait(_)), waits, "{kind}");
    }
}

#[test]
fn a_nightly_job_is_overdue_when_a_night_its_window_and_a_quarter_of_a_day_brought_no_success() {
    let job = job("0 2 * * *", "UTC");
    let mut known = known("2026-11-20T12:00:00Z");
    known.last_success = Some(at("2026-11-21T02:20:00Z"));
    known.last_error = "no disk".to_owned();
    assert_eq!(job.overdue(&known, at("2026-11-22T19:59:59Z")), None);
    let overdue = job.overdue(&known, at("2026-11-22T20:00:00Z")).unwrap();
    assert_eq!(
        (overdue.since, overdue.last_error.as_str()),
        (at("2026-11-22T20:00:00Z"), "no disk")
    );
    // A new one has as much time from when it was first seen.
    known.last_success = None;
    assert_eq!(
        job.overdue_at(known.first_seen).unwrap(),
        at("2026-11-21T20:00:00Z")
    );
}

#[test]
fn a_job_that_is_paused_is_not_overdue_and_has_its_time_again_afterwards() {
    let mut job = job("0 2 * * *", "UTC");
    let mut known = known("2026-11-01T00:00:00Z");
    known.pause = Some(Pause {
        since: at("2026-11-01T12:00:00Z"),
        until: Some(at("2026-11-20T12:00:00Z")),
        principal: String::new(),
        reason: String::new(),
    });
    assert_eq!(job.overdue(&known, at("2026-11-20T11:00:00Z")), None);
    assert_eq!(job.overdue(&known, at("2026-11-21T19:00:00Z")), None);
    assert!(job.overdue(&known, at("2026-11-21T20:00:00Z")).is_some());
    job.rules.overdue_after = Some(Duration::from_hours(1));
    assert!(job.overdue(&known, at("2026-11-20T13:00:00Z")).is_some());
}
