//! Revision scripts: one with all that is known of it, and all of them as a graph.

use super::{
    migration::{direction, heads},
    review::approvals,
};
use crate::{
    cli::{
        graph::{self, Node},
        page::{Page, Render},
        words,
    },
    proto::{Direction, ListRevisionsResponse, Revision, RevisionEvent},
};

impl Render for Revision {
    fn render(&self, page: &mut Page) {
        let said = |truth: bool, text: &str| {
            if truth {
                text.to_owned()
            } else {
                String::new()
            }
        };
        page.fields(&[
            ("revision", self.revision.clone()),
            ("message", self.message.clone()),
            ("follows", heads(&self.down_revisions)),
            ("depends on", words::list(&self.depends_on)),
            ("labels", words::list(&self.branch_labels)),
            ("created", words::time(self.create_time.as_ref())),
            ("author", self.author.clone()),
            ("transactional", words::yes(self.transactional)),
            ("applied", words::yes(self.applied)),
            (
                "edited",
                said(self.edited, "since it was applied; an upgrade is refused"),
            ),
            (
                "half run",
                said(self.half_run, "the same migration goes on where it stopped"),
            ),
            ("file", self.filename.clone()),
            ("sha256", self.sha256.clone()),
            ("approved", approvals(&self.approvals)),
        ]);
        if !self.events.is_empty() {
            page.gap();
            let header = ["when", "event", "state", "took", "by", "remarks"];
            page.table(header, self.events.iter().map(event), "");
        }
        if !self.upgrade_sql.trim().is_empty() || !self.downgrade_sql.trim().is_empty() {
            page.gap();
            sections(self, page);
        }
    }
}

/// An entry of the ledger as a row of its table.
fn event(event: &RevisionEvent) -> [String; 6] {
    let retries = match event.retries {
        0 => String::new(),
        1 => "1 retry".to_owned(),
        retries => format!("{retries} retries"),
    };
    let named = |name: &str, value: &str| {
        if value.is_empty() {
            String::new()
        } else {
            format!("{name} {value}")
        }
    };
    let way = if event.from_heads == event.to_heads {
        String::new()
    } else {
        format!(
            "from {} to {}",
            heads(&event.from_heads),
            heads(&event.to_heads)
        )
    };
    [
        words::time(event.start_time.as_ref()),
        words::value(event.kind().as_str_name(), "REVISION_EVENT_KIND_"),
        words::value(event.state().as_str_name(), "REVISION_EVENT_STATE_").replace('-', " "),
        words::duration(event.duration.as_ref()),
        event.principal.clone(),
        words::list(&[
            way,
            retries,
            named("backup", &event.backup),
            named("operation", &event.operation),
            named("reason:", &event.reason),
        ]),
    ]
}

/// Puts the SQL of both sections on the page, each under its name.
pub(in crate::cli) fn sections(revision: &Revision, page: &mut Page) {
    if revision.edited {
        page.line("-- This is the file as it is now. What was applied differs: see appliedScript with --json.");
        page.gap();
    }
    let sections = [
        (Direction::Upgrade, &revision.upgrade_sql),
        (Direction::Downgrade, &revision.downgrade_sql),
    ];
    let said = sections.iter().filter(|(_, sql)| !sql.trim().is_empty());
    for (place, (section, sql)) in said.enumerate() {
        if place > 0 {
            page.gap();
        }
        page.line(&format!("-- {}", direction(*section)));
        page.block(sql);
    }
}

impl Render for ListRevisionsResponse {
    /// The graph: one line for each revision, right of its lanes.
    fn render(&self, page: &mut Page) {
        if self.revisions.is_empty() {
            page.line("no revisions");
        }
        let nodes: Vec<Node<'_>> = self
            .revisions
            .iter()
            .map(|revision| Node {
                mark: mark(revision),
                id: &revision.revision,
                parents: &revision.down_revisions,
            })
            .collect();
        let drawn = graph::draw(&nodes);
        let longest = |lengths: &mut dyn Iterator<Item = usize>| lengths.max().unwrap_or(0);
        let lanes_width = longest(&mut drawn.iter().map(|node| node.lanes.len()));
        let id_width = longest(&mut nodes.iter().map(|node| node.id.chars().count()));
        for (revision, node) in self.revisions.iter().zip(&drawn) {
            let date = match words::date(revision.create_time.as_ref()) {
                date if date.is_empty() => "-".to_owned(),
                date => date,
            };
            page.cut_line(&format!(
                "{:<lanes_width$}  {:<id_width$}  {}  {date:<10}  {}",
                node.lanes,
                revision.revision,
                if revision.applied {
                    "applied"
                } else {
                    "pending"
                },
                described(revision),
            ));
            for line in &node.below {
                page.cut_line(line);
            }
        }
    }
}

/// The character that stands for a revision in the graph.
fn mark(revision: &Revision) -> char {
    if revision.edited || revision.half_run {
        '!'
    } else if revision.applied {
        '*'
    } else {
        'o'
    }
}

/// What is to be said of a revision beside its id, state and date: what is unusual first, its message last.
fn described(revision: &Revision) -> String {
    let in_brackets = |truth: bool, text: &str| truth.then(|| format!("({text})"));
    let (labels, depends_on) = (
        words::list(&revision.branch_labels),
        words::list(&revision.depends_on),
    );
    let parts = [
        in_brackets(revision.edited, "edited"),
        in_brackets(revision.half_run, "half run"),
        in_brackets(revision.head, "head"),
        in_brackets(revision.down_revisions.is_empty(), "base"),
        (!labels.is_empty()).then(|| format!("[{labels}]")),
        in_brackets(!depends_on.is_empty(), &format!("depends on {depends_on}")),
        Some(revision.message.clone()),
    ];
    parts.into_iter().flatten().collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use prost_types::{Duration, Timestamp};

    use super::*;
    use crate::{
        cli::page::rendered,
        proto::{Approval, RevisionEventKind, RevisionEventState},
    };

    const MOMENT: Timestamp = Timestamp {
        seconds: 1_795_312_800,
        nanos: 0,
    };

    fn revision(id: &str, parents: &[&str]) -> Revision {
        Revision {
            revision: id.to_owned(),
            down_revisions: parents.iter().map(|parent| (*parent).to_owned()).collect(),
            message: format!("add {id}"),
            create_time: Some(MOMENT),
            applied: true,
            transactional: true,
            ..Revision::default()
        }
    }

    #[test]
    fn the_history_is_a_graph_with_the_state_of_each_revision() {
        let list = ListRevisionsResponse {
            revisions: vec![
                Revision {
                    applied: false,
                    head: true,
                    ..revision("d4", &["b2", "c3"])
                },
                Revision {
                    edited: true,
                    ..revision("c3", &["a1"])
                },
                Revision {
                    branch_labels: vec!["billing".to_owned()],
                    depends_on: vec!["c3".to_owned()],
                    ..revision("b2", &["a1"])
                },
                Revision {
                    create_time: None,
                    ..revision("a1", &[])
                },
            ],
            ..ListRevisionsResponse::default()
        };
        assert_eq!(
            rendered(&list),
            "\
o    d4  pending  2026-11-22  (head) add d4
|\\
| !  c3  applied  2026-11-22  (edited) add c3
* |  b2  applied  2026-11-22  [billing] (depends on c3) add b2
|/
*    a1  applied  -           (base) add a1
"
        );
    }

    #[test]
    fn a_history_without_revisions_says_so() {
        assert_eq!(
            rendered(&ListRevisionsResponse::default()),
            "no revisions\n"
        );
    }

    #[test]
    fn a_revision_shows_who_approved_it_and_what_was_done_with_it() {
        let revision = Revision {
            author: "ann".to_owned(),
            half_run: true,
            approvals: vec![Approval {
                principal: "bob".to_owned(),
                approve_time: Some(MOMENT),
                comment: "fine".to_owned(),
                ..Approval::default()
            }],
            events: vec![RevisionEvent {
                kind: RevisionEventKind::Upgrade.into(),
                state: RevisionEventState::NotApplied.into(),
                start_time: Some(MOMENT),
                duration: Some(Duration {
                    seconds: 2,
                    nanos: 0,
                }),
                principal: "ann".to_owned(),
                to_heads: vec!["a1".to_owned()],
                retries: 1,
                backup: "app_1.sql.gz".to_owned(),
                ..RevisionEvent::default()
            }],
            ..revision("a1", &[])
        };
        let text = rendered(&revision);
        for line in [
            "author:         ann",
            "half run:       the same migration goes on where it stopped",
            "approved:       bob at 2026-11-22T02:00:00Z: fine",
            "2026-11-22T02:00:00Z  upgrade  not applied  2s    ann  from base to a1, 1 retry, backup app_1.sql.gz",
        ] {
            assert!(text.lines().any(|shown| shown == line), "{line}\n{text}");
        }
    }

    #[test]
    fn the_sql_of_an_edited_revision_says_that_another_text_was_applied() {
        let mut revision = Revision {
            upgrade_sql: "CREATE TABLE a ();\n".to_owned(),
            downgrade_sql: "DROP TABLE a;\n".to_owned(),
            ..revision("a1", &[])
        };
        let shown = |revision: &Revision| {
            let mut page = Page::default();
            sections(revision, &mut page);
            page.into_text()
        };
        let sql = "-- upgrade\nCREATE TABLE a ();\n\n-- downgrade\nDROP TABLE a;\n";
        assert_eq!(shown(&revision), sql);
        revision.edited = true;
        let text = shown(&revision);
        assert!(text.starts_with("-- This is the file as it is now. What was applied differs"));
        assert!(text.ends_with(&format!("\n\n{sql}")), "{text}");
        assert!(rendered(&revision).ends_with(&text));
    }
}
