//! What is said of revisions before they run: findings, rehearsals, approvals.

use super::migration::direction;
use crate::{
    cli::{
        page::{Page, Render},
        words,
    },
    proto::{
        Approval, Direction, Finding, FindingSeverity, Rehearsal, RehearsedStatement, Review,
        RevisionReview,
    },
};

/// Who approved, when, and what they said.
pub(super) fn approvals(approvals: &[Approval]) -> String {
    let said = approvals.iter().map(|approval| {
        let time = words::time(approval.approve_time.as_ref());
        let by = format!("{} at {time}", approval.principal);
        match approval.comment.as_str() {
            "" => by,
            comment => format!("{by}: {comment}"),
        }
    });
    said.collect::<Vec<_>>().join("; ")
}

fn severity(finding: &Finding) -> String {
    words::value(finding.severity().as_str_name(), "FINDING_SEVERITY_")
}

/// Puts the findings on the page, the weightiest first.
pub(super) fn findings(findings: &[Finding], page: &mut Page) {
    let mut sorted: Vec<&Finding> = findings.iter().collect();
    sorted.sort_by_key(|finding| std::cmp::Reverse(finding.severity()));
    for finding in sorted {
        page.line(&format!("{}: {}", severity(finding), finding.name));
        page.paragraph(&circumstances(finding));
        if !finding.statement.is_empty() {
            page.paragraph(&finding.statement);
        }
        page.paragraph(&finding.message);
        if !finding.safe_way.is_empty() {
            page.paragraph(&format!("instead: {}", finding.safe_way));
        }
    }
}

/// Where a finding is, what it is about and how it is known.
fn circumstances(finding: &Finding) -> String {
    let section = direction(finding.direction());
    let place = match finding.line {
        0 => section,
        line => format!("line {line}, {section}"),
    };
    // The name has it as a rule.
    let object = if finding.name.contains(&finding.object) {
        String::new()
    } else {
        finding.object.clone()
    };
    let size = match finding.table_bytes {
        0 => String::new(),
        bytes => format!("table of {}", words::size(bytes)),
    };
    let seen = if finding.rehearsed {
        "seen in the rehearsal"
    } else {
        ""
    };
    words::list(&[
        place,
        finding.category.replace('_', " "),
        object,
        size,
        seen.to_owned(),
    ])
}

/// Puts on the page what each statement did on the scratch copy, and whether the way back was found.
pub(super) fn rehearsal(rehearsal: &Rehearsal, page: &mut Page) {
    page.line(&format!(
        "rehearsal of the {} of {} at {}:",
        direction(rehearsal.direction()),
        rehearsal.revision,
        words::time(rehearsal.rehearse_time.as_ref())
    ));
    page.table(
        ["line", "took", "what", "on"],
        rehearsal.statements.iter().flat_map(effects),
        "no statements",
    );
    if let Some(failure) = lost_way_back(rehearsal) {
        page.line(&failure);
        for difference in &rehearsal.downgrade_differences {
            page.paragraph(difference);
        }
    } else if rehearsal.downgraded {
        page.line("the downgrade gives the schema back");
    }
}

/// What is wrong with the way back; nothing where it was found, or not looked for.
pub(super) fn lost_way_back(rehearsal: &Rehearsal) -> Option<String> {
    let revision = &rehearsal.revision;
    if !rehearsal.downgrade_error.is_empty() {
        let error = &rehearsal.downgrade_error;
        return Some(format!(
            "warning: the downgrade of {revision} fails: {error}"
        ));
    }
    (!rehearsal.downgrade_differences.is_empty())
        .then(|| format!("warning: the downgrade of {revision} does not give the schema back:"))
}

/// A statement, and below it what it did, as rows.
fn effects(statement: &RehearsedStatement) -> Vec<[String; 4]> {
    let line = statement.line.to_string();
    let took = words::duration(statement.duration.as_ref());
    let first = [
        line.clone(),
        took,
        "statement".to_owned(),
        statement.statement.clone(),
    ];
    let locks = statement
        .locks
        .iter()
        .map(|lock| ("lock", format!("{} on {}", lock.mode, lock.relation)));
    let named = |what, names: &[String]| {
        let names = names.to_vec();
        names.into_iter().map(move |name| (what, name))
    };
    let below = locks
        .chain(named("rewrite", &statement.rewritten))
        .chain(named("scan", &statement.scanned))
        .chain(named("change", &statement.changes))
        .map(|(what, on)| [line.clone(), String::new(), what.to_owned(), on]);
    std::iter::once(first).chain(below).collect()
}

impl Render for RevisionReview {
    fn render(&self, page: &mut Page) {
        page.fields(&[
            ("revision", self.revision.clone()),
            ("sha256", self.sha256.clone()),
            ("author", self.author.clone()),
            ("approved", approvals(&self.approvals)),
        ]);
        page.gap();
        if self.findings.is_empty() {
            page.line("no findings");
        }
        findings(&self.findings, page);
        page.gap();
        match &self.rehearsal {
            Some(seen) => rehearsal(seen, page),
            None => page.line("not rehearsed"),
        }
    }
}

impl Render for Review {
    fn render(&self, page: &mut Page) {
        if self.revisions.is_empty() {
            page.line(&format!("{}: nothing to review", self.database));
            return;
        }
        for review in &self.revisions {
            page.gap();
            review.render(page);
        }
        let all = || self.revisions.iter().flat_map(|review| &review.findings);
        let number = |weight: FindingSeverity, noun: &str| {
            let found = all().filter(|finding| finding.severity() == weight);
            words::count(i64::try_from(found.count()).unwrap_or(i64::MAX), noun)
        };
        page.gap();
        page.line(&format!(
            "{}: {} reviewed: {}, {}, {}",
            self.database,
            words::count(
                i64::try_from(self.revisions.len()).unwrap_or(i64::MAX),
                "revision"
            ),
            number(FindingSeverity::Error, "error"),
            number(FindingSeverity::Warning, "warning"),
            number(FindingSeverity::Note, "note"),
        ));
        let mut names: Vec<String> = all()
            .filter(|finding| {
                finding.severity() == FindingSeverity::Error
                    && finding.direction() == Direction::Upgrade
            })
            .map(|finding| finding.name.clone())
            .collect();
        names.sort();
        names.dedup();
        if !names.is_empty() {
            page.line(&format!(
                "an upgrade must acknowledge: {}",
                words::list(&names)
            ));
        }
    }
}

#[cfg(test)]
mod tests;
