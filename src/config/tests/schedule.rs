//! How jobs go about their ticks, and who is told when they do not.

use std::time::Duration;

use super::{assert_refused, load};

#[test]
fn a_kind_of_jobs_may_have_rules_of_its_own_and_shares_the_others() {
    let schedule = load(
        "[schedule]\ncatch_up = '2h'\nretries = 1\noverdue_after = '40h'\n[schedule.kinds.backup]\ncatch_up = '6h'\njitter = '5m'",
    )
    .schedule;
    let backup = schedule.rules_of("backup");
    assert_eq!(backup.catch_up, Duration::from_hours(6));
    assert_eq!(backup.jitter, Duration::from_mins(5));
    assert_eq!(
        (backup.retries, backup.retry_backoff),
        (1, Duration::from_mins(1))
    );
    assert_eq!(backup.overdue_after, Some(Duration::from_hours(40)));
    let drift = schedule.rules_of("drift");
    assert_eq!(drift.catch_up, Duration::from_hours(2));
    assert!(drift.jitter.is_zero());
    assert_refused(
        "schedule.kinds.backups.retries = 1",
        &[
            "`schedule.kinds.backups` is no kind of job",
            "backup, optimize",
        ],
    );
    assert_refused(
        "schedule.retries = 21",
        &["`schedule.retries` must be 0 to 20"],
    );
}

#[test]
fn a_webhook_is_told_over_https_or_on_this_machine_and_its_url_is_shown_nowhere() {
    for url in [
        "https://alerts.example.com/x",
        "http://127.0.0.1:80/x",
        "http://[::1]/x",
        "http://localhost/x",
    ] {
        let config = load(&format!("alerts.webhook_url = '{url}'"));
        let shown = config.shown();
        assert!(shown.contains("webhook_url = \"***\""), "{shown}");
        assert!(!format!("{config:?}").contains(url));
    }
    for url in [
        "http://alerts.example.com/T0PSECRET",
        "ftp://localhost/T0PSECRET",
        "T0PSECRET",
        "",
        "http://127.0.0.1.example.com/",
    ] {
        let error = super::load_with(&format!("alerts.webhook_url = '{url}'"), &[]).unwrap_err();
        assert!(
            !format!("{error:?} {error}").contains("T0PSECRET"),
            "{error:?}"
        );
    }
    let text = "alerts.webhook_url = 'https://h/'\nalerts.webhook_format = 'xml'";
    assert_refused(text, &["`alerts.webhook_format` must be json or slack"]);
}
