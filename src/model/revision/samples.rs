//! Scripts and graphs for the tests of this folder.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use chrono::{DateTime, Duration};
use proptest::{
    collection::{btree_set, vec},
    prelude::*,
    sample::Index,
};

use super::{Draft, Graph, Script};

/// A script written in short: `id`, its parents, then `label:x` and `needs:y` in any number, separated by blanks.
pub(super) fn script(text: &str, minute: i64) -> Script {
    let mut words = text.split_whitespace();
    let mut draft = Draft {
        revision: words.next().unwrap().to_owned(),
        down_revisions: Vec::new(),
        branch_labels: Vec::new(),
        depends_on: Vec::new(),
        message: format!("make {text}"),
        created: DateTime::UNIX_EPOCH + Duration::minutes(minute),
        transactional: true,
        upgrade_sql: "SELECT 1;".to_owned(),
        downgrade_sql: "SELECT 2;".to_owned(),
    };
    for word in words {
        if let Some(label) = word.strip_prefix("label:") {
            draft.branch_labels.push(label.to_owned());
        } else if let Some(dependency) = word.strip_prefix("needs:") {
            draft.depends_on.push(dependency.to_owned());
        } else {
            draft.down_revisions.push(word.to_owned());
        }
    }
    Script::draft(draft).unwrap()
}

/// Scripts made one minute after the other.
pub(super) fn scripts(texts: &[&str]) -> Vec<Script> {
    (0..)
        .zip(texts)
        .map(|(minute, text)| script(text, minute))
        .collect()
}

/// The graph of some scripts.
pub(super) fn graph(texts: &[&str]) -> Graph {
    Graph::new(scripts(texts)).unwrap()
}

/// Owned strings.
pub(super) fn owned(ids: &[&str]) -> Vec<String> {
    ids.iter().map(|id| (*id).to_owned()).collect()
}

/// Any graph: up to 14 revisions with short ids that share beginnings, several bases, merges, dependencies, labels.
pub(super) fn graphs() -> impl Strategy<Value = Graph> {
    let node = (
        vec(any::<Index>(), 0..3),
        vec(any::<Index>(), 0..2),
        prop::bool::weighted(0.2),
    );
    (btree_set("[ab]{1,2}[0-9a-f]{3,5}", 0..14), vec(node, 14)).prop_map(|(ids, nodes)| {
        let ids: Vec<String> = ids.into_iter().collect();
        let mut texts = Vec::new();
        for (number, (id, (parents, needs, labelled))) in ids.iter().zip(nodes).enumerate() {
            let mut words = vec![id.clone()];
            if number > 0 {
                let parents: BTreeSet<&String> = parents
                    .iter()
                    .map(|parent| parent.get(&ids[..number]))
                    .collect();
                words.extend(parents.into_iter().cloned());
                words.extend(
                    needs
                        .iter()
                        .map(|need| format!("needs:{}", need.get(&ids[..number]))),
                );
            }
            if labelled {
                words.push(format!("label:label{number}"));
            }
            texts.push(words.join(" "));
        }
        graph(&texts.iter().map(String::as_str).collect::<Vec<&str>>())
    })
}
