//! AuditService's methods: look at the log, follow it, prove that it is whole, carry it away.

pub mod keeper;

use std::time::Duration;

use chrono::{DateTime, Utc};
use futures_util::{Stream, StreamExt as _, TryStreamExt as _};

use super::{context::Context, daemon::Daemon};
use crate::{
    model::{
        audit::{
            AuditEntry, AuditFilter,
            chain::{Checker, Head, Verdict},
            export,
        },
        failure::{Failure, Kind},
        page::Page,
        permission::Scope,
    },
    state::audit::{AuditStep, protection::Protection},
};

/// Steps of the log that are read at once.
const STEPS: i64 = 100;
/// How often the log is looked at for what other daemons record.
const LOOK: Duration = Duration::from_millis(500);
/// An export's lines are sent together up to about this size.
const EXPORT_PART: usize = 128 << 10;

/// Entries of one database, or of all that the caller may see, newest first, and the token of the next page.
pub async fn list(
    daemon: &Daemon,
    context: &Context,
    filter: AuditFilter,
    page: &Page,
) -> Result<(Vec<AuditEntry>, Option<String>), Failure> {
    let filter = within_reach(context, filter)?;
    daemon.store.audit_entries(&filter, page).await
}

/// Limits what is asked for to what the caller may see.
fn within_reach(context: &Context, filter: AuditFilter) -> Result<AuditFilter, Failure> {
    let named = filter.databases.as_ref().and_then(|names| names.first());
    Ok(AuditFilter {
        databases: context.reach_of(named.map(String::as_str))?.limit(),
        ..filter
    })
}

/// What a watch shows, and where it begins: after a record, or at the end of the log.
pub async fn watch(
    daemon: &Daemon,
    context: &Context,
    filter: AuditFilter,
    after: Option<i64>,
) -> Result<(AuditFilter, i64), Failure> {
    let filter = within_reach(context, filter)?;
    let after = match after {
        Some(after) => after,
        None => daemon.store.audit_head().await?.number,
    };
    Ok((filter, after))
}

/// The next steps of the log after a position, of whichever daemon; at least one.
pub async fn steps(daemon: &Daemon, after: i64) -> Result<Vec<AuditStep>, Failure> {
    let mut seen = daemon.store.audit_seen();
    loop {
        seen.mark_unchanged();
        let steps = daemon.store.audit_steps(after, STEPS).await?;
        if !steps.is_empty() {
            return Ok(steps);
        }
        // Whatever this daemon records is told of at once.
        let _ = tokio::time::timeout(LOOK, seen.changed()).await;
    }
}

/// What a verification gave.
#[derive(Clone, Debug)]
pub struct Verification {
    /// What a look along the chain gave.
    pub verdict: Verdict,
    /// What this daemon had seen of the log before; [`Head::START`] where nothing.
    pub anchor: Head,
    /// Who could change the log.
    pub protection: Protection,
}

/// Reckons the whole chain anew, and compares it with what this daemon and the caller have seen of it.
pub async fn verify(
    daemon: &Daemon,
    context: &Context,
    expected: Option<Head>,
) -> Result<Verification, Failure> {
    context.authorize(&Scope::Everything)?;
    // Before the log is read: what others append meanwhile must not look like something that was never seen.
    let anchor = daemon.anchor.read()?;
    let mut checker = Checker::after(Head::START);
    let seen_by = format!("this daemon ({})", daemon.anchor.path().display());
    checker.expect(anchor, &seen_by);
    if let Some(expected) = expected {
        checker.expect(expected, "the caller");
    }
    let mut links = Box::pin(daemon.store.audit_links(i64::MIN, i64::MAX).await?);
    while let Some(link) = links.try_next().await? {
        checker.take(&link);
    }
    let verdict = checker.finish();
    if verdict.findings.is_empty() {
        daemon.store.saw_audit_record(verdict.head);
    } else {
        for finding in &verdict.findings {
            let (damage, record) = (finding.damage.name(), finding.number);
            tracing::error!(
                damage,
                record,
                "the audit log is damaged: {}",
                finding.message
            );
        }
    }
    Ok(Verification {
        verdict,
        anchor,
        protection: daemon.store.audit_protection().await?,
    })
}

/// The log as lines of JSON, from its record of one moment to that of another; each item is some whole lines.
pub async fn export(
    daemon: &Daemon,
    context: &Context,
    since: Option<DateTime<Utc>>,
    until: Option<DateTime<Utc>>,
) -> Result<impl Stream<Item = Result<String, Failure>> + Send + use<>, Failure> {
    context.authorize(&Scope::Everything)?;
    if since.zip(until).is_some_and(|(since, until)| since > until) {
        return Err(Failure::invalid_field(
            "until",
            "must not be before `since`",
        ));
    }
    let store = &daemon.store;
    let range = store.audit_range(since, until).await?;
    let (first, last, after) = match range {
        None => (1, 0, Head::START),
        Some((first, last)) => (
            first,
            last,
            store.audit_record(first - 1).await?.ok_or_else(|| {
                Failure::new(
                    Kind::DataLoss,
                    "AUDIT_LOG_DAMAGED",
                    format!(
                        "record {} of the audit log is missing or damaged",
                        first - 1
                    ),
                )
                .with_hint("VerifyAudit says what is wrong; export the whole log")
            })?,
        ),
    };
    let links = store.audit_links(first, last).await?;
    let parts = futures_util::stream::unfold(
        Export::Begun {
            links: Box::pin(links),
            part: export::first_line(after) + "\n",
            head: after,
            records: 0,
        },
        |state| async move { next_part(state).await },
    );
    Ok(parts.boxed())
}

/// How far an export is.
enum Export<S> {
    Begun {
        links: S,
        part: String,
        head: Head,
        records: u64,
    },
    Ended,
}

type Links<S> = std::pin::Pin<Box<S>>;

async fn next_part<S, E>(
    state: Export<Links<S>>,
) -> Option<(Result<String, Failure>, Export<Links<S>>)>
where
    S: Stream<Item = Result<crate::model::audit::chain::Link, E>>,
    Failure: From<E>,
{
    let Export::Begun {
        mut links,
        mut part,
        mut head,
        mut records,
    } = state
    else {
        return None;
    };
    loop {
        match links.next().await {
            Some(Err(error)) => return Some((Err(error.into()), Export::Ended)),
            Some(Ok(link)) => {
                part.push_str(&export::record_line(&link));
                part.push('\n');
                records += 1;
                head = Head {
                    number: link.number,
                    hash: link.hash.try_into().unwrap_or_default(),
                };
                if part.len() >= EXPORT_PART {
                    let next = Export::Begun {
                        links,
                        part: String::new(),
                        head,
                        records,
                    };
                    return Some((Ok(part), next));
                }
            }
            None => {
                part.push_str(&export::last_line(head, records));
                part.push('\n');
                return Some((Ok(part), Export::Ended));
            }
        }
    }
}
