//! Random graphs, database states and targets, each planned by pgsteward and by Alembic's own code.
//!
//! `PGSTEWARD_ALEMBIC_GRAPHS` sets how many graphs there are, `PGSTEWARD_ALEMBIC_SEED` which ones.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    io::{BufRead as _, BufReader, Lines, Write as _},
    process::{Child, ChildStdin, ChildStdout, Command, Stdio},
};

use chrono::{DateTime, TimeDelta};
use pgsteward::model::{
    failure::Classified as _,
    migration::Direction,
    revision::{Draft, Graph, Script, Step, TargetError},
};
use rand::{RngExt as _, SeedableRng as _, rngs::StdRng};
use serde::{Deserialize, Serialize};

use crate::support::alembic;

const GRAPHS: u64 = 1000;
const SEED: u64 = 20_261_123;
const CASES_PER_GRAPH: usize = 16;
const MOST_REVISIONS: usize = 14;
/// So many graphs go to Alembic at a time.
const AT_A_TIME: u64 = 50;

/// A revision as the reference reads it.
#[derive(Clone, Debug, Serialize)]
struct Node {
    id: String,
    parents: Vec<String>,
    needs: Vec<String>,
    labels: Vec<String>,
}

#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "lowercase")]
enum Kind {
    Upgrade,
    Downgrade,
    Stamp,
}

/// A command on a database with these rows.
#[derive(Clone, Debug, Serialize)]
struct Case {
    current: Vec<String>,
    command: Kind,
    targets: Vec<String>,
}

#[derive(Debug, Serialize)]
struct Request {
    revisions: Vec<Node>,
    cases: Vec<Case>,
}

/// What one of the two says to a case.
#[derive(Clone, Debug, Deserialize)]
#[serde(untagged)]
enum Answer {
    Refused {
        refused: String,
    },
    Failed {
        failed: String,
    },
    Planned {
        steps: Vec<String>,
        rows: Vec<String>,
    },
}

impl Answer {
    fn said(&self) -> String {
        match self {
            Self::Refused { refused } => format!("refused by {refused}"),
            Self::Failed { failed } => format!("failed by {failed}"),
            Self::Planned { steps, rows } => format!("steps {steps:?}, rows {rows:?}"),
        }
    }
}

/// Alembic's side: a child that answers line by line.
struct Reference {
    child: Child,
    requests: ChildStdin,
    answers: Lines<BufReader<ChildStdout>>,
}

impl Reference {
    fn start() -> Self {
        let mut child = Command::new(alembic::python())
            .args(["-c", include_str!("reference.py")])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        Self {
            requests: child.stdin.take().unwrap(),
            answers: BufReader::new(child.stdout.take().unwrap()).lines(),
            child,
        }
    }

    fn ask(&mut self, requests: &[Request]) -> Vec<Vec<Answer>> {
        let mut lines = String::new();
        for request in requests {
            lines += &serde_json::to_string(request).unwrap();
            lines += "\n";
        }
        // The child reads on while it answers only as far as the pipes hold; the answers are taken on this side at once.
        let answers = &mut self.answers;
        let pipe = &mut self.requests;
        std::thread::scope(|scope| {
            scope.spawn(|| pipe.write_all(lines.as_bytes()).unwrap());
            let mut next = || {
                let line = answers.next().expect("the reference has ended").unwrap();
                serde_json::from_str(&line).unwrap()
            };
            requests.iter().map(|_| next()).collect()
        })
    }
}

impl Drop for Reference {
    fn drop(&mut self) {
        // Whatever it does, it is ours and no longer needed.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn number(name: &str, default: u64) -> u64 {
    env::var(name).map_or(default, |text| text.parse().unwrap())
}

fn pick<'a, T>(random: &mut StdRng, items: &'a [T]) -> &'a T {
    &items[random.random_range(0..items.len())]
}

/// Ids with common beginnings; several bases, branches, merges, dependencies by id and by label, labels.
fn random_graph(random: &mut StdRng) -> Vec<Node> {
    let mut nodes: Vec<Node> = Vec::new();
    let mut labels: Vec<String> = Vec::new();
    let wanted = random.random_range(1..=MOST_REVISIONS);
    // Some graphs are lines with few branches, some are thickets.
    let recent = random.random_range(1..=4);
    while nodes.len() < wanted {
        let beginning = pick(random, &["a", "b", "ab", "abc", "0"]);
        let id = format!("{beginning}{:04x}", random.random_range(0..0x300_u32));
        if nodes.iter().any(|node| node.id == id) {
            continue;
        }
        let mut parents = Vec::new();
        let mut needs = Vec::new();
        if !nodes.is_empty() {
            let count = *pick(random, &[0, 1, 1, 1, 1, 1, 1, 1, 2, 2, 3]);
            for _ in 0..count {
                let back = random.random_range(0..nodes.len().min(recent * 2));
                parents.push(nodes[nodes.len() - 1 - back].id.clone());
            }
            for _ in 0..*pick(random, &[0, 0, 0, 0, 0, 1, 1, 2]) {
                let by_label = !labels.is_empty() && random.random_bool(0.2);
                needs.push(if by_label {
                    pick(random, &labels).clone()
                } else {
                    pick(random, &nodes).id.clone()
                });
            }
        }
        parents = distinct(parents);
        needs = distinct(needs);
        let labelled = random.random_bool(if parents.len() == 1 { 0.2 } else { 0.4 });
        let own: Vec<String> = labelled
            .then(|| format!("label{}", nodes.len()))
            .into_iter()
            .collect();
        labels.extend(own.clone());
        nodes.push(Node {
            id,
            parents,
            needs,
            labels: own,
        });
    }
    nodes
}

fn distinct(names: Vec<String>) -> Vec<String> {
    let mut seen = BTreeSet::new();
    let mut names = names;
    names.retain(|name| seen.insert(name.clone()));
    names
}

fn graph(nodes: &[Node]) -> Graph {
    let mut created = DateTime::UNIX_EPOCH;
    let mut scripts = Vec::new();
    for node in nodes {
        created += TimeDelta::minutes(1);
        let draft = Draft {
            revision: node.id.clone(),
            down_revisions: node.parents.clone(),
            branch_labels: node.labels.clone(),
            depends_on: node.needs.clone(),
            message: String::new(),
            created,
            transactional: true,
            upgrade_sql: String::new(),
            downgrade_sql: String::new(),
        };
        scripts.push(Script::draft(draft).unwrap());
    }
    Graph::new(scripts).unwrap()
}

/// One target in any of the forms that there are, also such as mean nothing.
fn random_target(random: &mut StdRng, nodes: &[Node]) -> String {
    let labels: Vec<&String> = nodes.iter().flat_map(|node| &node.labels).collect();
    let steps = random.random_range(1..=4);
    let sign = pick(random, &["+", "-"]);
    let id = pick(random, nodes).id.clone();
    let name = match random.random_range(0..6) {
        0 => id[..random.random_range(3..=id.len().min(5))].to_owned(),
        1 if !labels.is_empty() => (*pick(random, &labels)).clone(),
        2 if random.random_bool(0.1) => "nowhere".to_owned(),
        _ => id,
    };
    let place = match random.random_range(0..12) {
        0 => "head".to_owned(),
        1 | 2 => "heads".to_owned(),
        3 => "base".to_owned(),
        4 | 5 => format!("{sign}{steps}"),
        6 | 7 => format!("{name}{sign}{steps}"),
        8 => format!("{}{sign}{steps}", pick(random, &["head", "heads", "base"])),
        _ => name,
    };
    let branch = match random.random_range(0..8) {
        0..=2 if !labels.is_empty() => (*pick(random, &labels)).clone(),
        3 => pick(random, nodes).id.clone(),
        4 if random.random_bool(0.1) => "nowhere".to_owned(),
        _ => return place,
    };
    format!("{branch}@{place}")
}

fn ours(graph: &Graph, case: &Case) -> Result<(Vec<Step>, Vec<String>), TargetError> {
    let steps = match case.command {
        Kind::Upgrade => graph.upgrade_plan(&case.current, &case.targets[0])?,
        Kind::Downgrade => graph.downgrade_plan(&case.current, &case.targets[0])?,
        Kind::Stamp => {
            let rows = graph.stamp_plan(&case.current, &case.targets)?;
            return Ok((Vec::new(), rows));
        }
    };
    let rows = steps.last().map(|step| step.heads_after.clone());
    Ok((steps, rows.unwrap_or_else(|| case.current.clone())))
}

/// A walk of a database through the graph: each case begins where an earlier one ended.
fn random_walk(random: &mut StdRng, nodes: &[Node], graph: &Graph) -> Vec<Case> {
    let mut cases = Vec::new();
    let mut current: Vec<String> = Vec::new();
    for _ in 0..CASES_PER_GRAPH {
        let command = *pick(
            random,
            &[
                Kind::Upgrade,
                Kind::Upgrade,
                Kind::Upgrade,
                Kind::Downgrade,
                Kind::Downgrade,
                Kind::Stamp,
            ],
        );
        let count = match command {
            Kind::Stamp => *pick(random, &[1, 1, 1, 2, 2, 3]),
            _ => 1,
        };
        let targets = (0..count).map(|_| random_target(random, nodes)).collect();
        let case = Case {
            current: current.clone(),
            command,
            targets,
        };
        if let Ok((steps, rows)) = ours(graph, &case) {
            current = match steps.as_slice() {
                [] => rows,
                // A run may have been stopped on its way.
                steps if random.random_bool(0.4) => pick(random, steps).heads_after.clone(),
                _ => rows,
            };
        }
        cases.push(case);
    }
    cases
}

/// True when the steps are such as the graph allows in that order.
fn is_in_order(graph: &Graph, current: &[String], steps: &[Step]) -> bool {
    let mut applied = graph.applied(current).unwrap();
    steps.iter().all(|step| match step.direction {
        Direction::Upgrade => {
            let ready = graph
                .ancestors(&step.revision)
                .iter()
                .all(|below| applied.contains(below));
            ready && applied.insert(step.revision.clone())
        }
        Direction::Downgrade => {
            applied.remove(&step.revision)
                && applied
                    .iter()
                    .all(|other| !graph.ancestors(other).contains(&step.revision))
        }
    })
}

/// Where only one of the two refuses, the kind of case by which it is meant to; none where it is not. These are the
/// differences that `resolve.rs` and `stamp.rs` in `src/model/revision` name.
fn known_difference(
    graph: &Graph,
    case: &Case,
    refusal: Option<&TargetError>,
) -> Option<&'static str> {
    let target = case.targets[0].as_str();
    let unknown_branch = |target: &String| target.starts_with("nowhere@");
    let known = match refusal {
        Some(TargetError::MultipleCurrent { .. })
            if case.command == Kind::Downgrade && case.current.len() > 1 =>
        {
            "refused: a relative downgrade from several heads"
        }
        Some(TargetError::OutOfRange { after, .. }) if after == "base" && target.contains('-') => {
            "refused: steps below base"
        }
        Some(TargetError::NotFound { .. }) if case.targets.iter().any(unknown_branch) => {
            "refused: an unknown branch of a downgrade, or before @base"
        }
        Some(TargetError::RelativeStamp { .. }) if case.current.is_empty() => {
            "refused: a stamp with steps from an empty table"
        }
        Some(TargetError::OverlappingTargets { .. })
            if overlap(graph, &destinations(graph, case)) =>
        {
            "refused: a stamp with targets of which one stands on another"
        }
        None if case.command == Kind::Upgrade && overlap(graph, &destinations(graph, case)) => {
            "accepted: heads of one branch of which one implies another"
        }
        None if overlap(graph, &case.current) => "accepted: rows of which one implies another",
        _ => return None,
    };
    Some(known)
}

/// What all targets mean.
fn destinations(graph: &Graph, case: &Case) -> Vec<String> {
    let resolve = |target: &String| graph.resolve(target, &case.current).unwrap();
    case.targets.iter().flat_map(resolve).collect()
}

/// True when one of the revisions stands on another one.
fn overlap(graph: &Graph, revisions: &[String]) -> bool {
    revisions.iter().any(|revision| {
        let below = graph.ancestors(revision);
        revisions.iter().any(|other| below.contains(other))
    })
}

/// True when one of the revision's parents or dependencies stands on another one. Alembic has no row of the lower one
/// to take away, and fails.
fn stands_twice(graph: &Graph, revision: &str) -> bool {
    let script = graph.get(revision).unwrap();
    let mut below = script.down_revisions.clone();
    for dependency in &script.depends_on {
        below.extend(graph.resolve(dependency, &[]).unwrap());
    }
    overlap(graph, &below)
}

/// Compares one case; gives the known difference if there is one.
fn compare(graph: &Graph, case: &Case, theirs: &Answer) -> Result<Option<&'static str>, String> {
    let ours = ours(graph, case);
    match (&ours, theirs) {
        (
            Ok((steps, rows)),
            Answer::Planned {
                steps: names,
                rows: expected,
            },
        ) => {
            let mut planned: Vec<&str> = steps.iter().map(|step| step.revision.as_str()).collect();
            planned.sort_unstable();
            let mut names: Vec<&str> = names.iter().map(String::as_str).collect();
            names.sort_unstable();
            if planned != names || rows != expected {
                return Err(format!("ours {ours:?}, theirs {}", theirs.said()));
            }
            if !is_in_order(graph, &case.current, steps) {
                return Err(format!("out of order: {steps:?}"));
            }
            Ok(None)
        }
        (Err(_), Answer::Refused { .. } | Answer::Failed { .. }) => Ok(None),
        (Ok((steps, _)), Answer::Failed { .. })
            if steps.iter().any(|step| stands_twice(graph, &step.revision)) =>
        {
            Ok(Some(
                "accepted: a revision that stands on another one in two ways",
            ))
        }
        (Ok(_), Answer::Refused { .. } | Answer::Failed { .. }) => {
            known_difference(graph, case, None)
                .map(Some)
                .ok_or_else(|| format!("ours {ours:?}, theirs {}", theirs.said()))
        }
        (Err(error), Answer::Planned { .. }) => known_difference(graph, case, Some(error))
            .map(Some)
            .ok_or_else(|| {
                format!(
                    "we refuse ({}: {error}), theirs {}",
                    error.reason(),
                    theirs.said()
                )
            }),
    }
}

#[test]
fn plans_and_rows_are_alembics_for_random_graphs_states_and_targets() {
    let graphs = number("PGSTEWARD_ALEMBIC_GRAPHS", GRAPHS);
    let mut random = StdRng::seed_from_u64(number("PGSTEWARD_ALEMBIC_SEED", SEED));
    let mut reference = Reference::start();
    let mut differences = BTreeMap::<&str, u64>::new();
    let (mut planned, mut refused) = (0_u64, 0_u64);
    let mut left = graphs;
    while left > 0 {
        let count = left.min(AT_A_TIME);
        left -= count;
        let mut parts = Vec::new();
        let mut requests = Vec::new();
        for _ in 0..count {
            let revisions = random_graph(&mut random);
            let graph = graph(&revisions);
            let cases = random_walk(&mut random, &revisions, &graph);
            requests.push(Request { revisions, cases });
            parts.push(graph);
        }
        let answers = reference.ask(&requests);
        for ((graph, request), answers) in parts.iter().zip(&requests).zip(&answers) {
            for (case, theirs) in request.cases.iter().zip(answers) {
                match compare(graph, case, theirs) {
                    Ok(Some(known)) => *differences.entry(known).or_default() += 1,
                    Ok(None) if matches!(theirs, Answer::Refused { .. }) => refused += 1,
                    Ok(None) => planned += 1,
                    Err(difference) => panic!(
                        "{difference}\n{case:?}\n{}",
                        serde_json::to_string(&request.revisions).unwrap()
                    ),
                }
            }
        }
    }
    println!(
        "{graphs} graphs: {planned} planned alike, {refused} refused by both, {differences:?}"
    );
    // The comparison would prove little if most targets meant nothing.
    assert!(
        planned * 2 > refused,
        "{planned} planned, {refused} refused"
    );
}
