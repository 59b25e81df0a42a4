//! Graphs as they are drawn, and a finger that follows the lines.

use std::collections::BTreeSet;

use proptest::{collection::vec, prelude::*};

use super::*;

fn drawn(nodes: &[(String, Vec<String>)]) -> Vec<Drawn> {
    let nodes: Vec<Node<'_>> = nodes
        .iter()
        .map(|(id, parents)| Node {
            mark: '*',
            id,
            parents,
        })
        .collect();
    draw(&nodes)
}

/// Draws `id: parent parent` lines.
fn drawing(graph: &[&str]) -> String {
    let nodes: Vec<(String, Vec<String>)> = graph
        .iter()
        .map(|line| {
            let (id, parents) = line.split_once(':').unwrap_or((line, ""));
            let parents = parents.split_whitespace().map(str::to_owned);
            (id.to_owned(), parents.collect())
        })
        .collect();
    let lines = nodes
        .iter()
        .zip(drawn(&nodes))
        .flat_map(|((id, _), drawn)| {
            let own_line = format!("{} {id}", drawn.lanes);
            std::iter::once(own_line).chain(drawn.below)
        });
    lines.map(|line| line + "\n").collect()
}

#[test]
fn nothing_is_drawn_of_nothing() {
    assert_eq!(draw(&[]), []);
}

#[test]
fn a_chain_is_one_lane() {
    assert_eq!(drawing(&["c: b", "b: a", "a"]), "* c\n* b\n* a\n");
}

#[test]
fn branches_run_side_by_side_to_where_they_part() {
    let expected = "\
* c
| * b2
| * b1
|/
* a
";
    assert_eq!(drawing(&["c: a", "b2: b1", "b1: a", "a"]), expected);
}

#[test]
fn a_merge_opens_a_lane_for_its_second_parent() {
    let expected = "\
* m
|\\
* | b
| * c
|/
* a
";
    assert_eq!(drawing(&["m: b c", "b: a", "c: a", "a"]), expected);
}

#[test]
fn a_merge_of_three_opens_one_lane_after_the_other() {
    let expected = "\
* m
|\\
|\\ \\
* | | b
| * | c
|/ /
| * d
|/
* a
";
    assert_eq!(
        drawing(&["m: b c d", "b: a", "c: a", "d: a", "a"]),
        expected
    );
}

#[test]
fn lanes_make_room_for_a_merge_and_move_up_behind_it() {
    let expected = "\
* x
| * m
| |\\
| * | b
|/ /
| * c
|/
* a
";
    assert_eq!(drawing(&["x: a", "m: b c", "b: a", "c: a", "a"]), expected);
}

#[test]
fn bases_are_parted_by_a_line_in_which_their_lane_is_closed() {
    assert_eq!(
        drawing(&["b2: b1", "b1", "a2: a1", "a1"]),
        "* b2\n* b1\n\n* a2\n* a1\n"
    );
    let expected = "\
* a2
| * b1
|
| * c1
|
* a1
";
    assert_eq!(drawing(&["a2: a1", "b1", "c1", "a1"]), expected);
}

#[test]
fn lanes_move_up_when_a_base_left_of_them_ends() {
    let expected = "\
* b2
| * c2
* | b1
 /
* c1
";
    assert_eq!(drawing(&["b2: b1", "c2: c1", "b1", "c1"]), expected);
}

#[test]
fn a_base_may_be_merged_with_another() {
    let expected = "\
* m
|\\
* | a
 /
* b
";
    assert_eq!(drawing(&["m: a b", "a", "b"]), expected);
}

#[test]
fn two_merges_of_the_same_two_cross() {
    let expected = "\
* m1
|\\
| | * m2
| | |\\
| |/ /
|/| |
| |/
* | a
| * b
|/
* r
";
    assert_eq!(
        drawing(&["m1: a b", "m2: a b", "a: r", "b: r", "r"]),
        expected
    );
}

#[test]
fn a_long_way_to_the_left_crosses_the_lanes_between() {
    let expected = "\
* d
| * e
| | * f
| | | * g
| |_|/
|/| |
* | | a
 / /
* | b
 /
* c
";
    assert_eq!(
        drawing(&["d: a", "e: b", "f: c", "g: a", "a", "b", "c"]),
        expected
    );
}

#[test]
fn a_parent_that_is_not_there_leaves_its_lane_open() {
    assert_eq!(drawing(&["b: gone", "a"]), "* b\n| * a\n");
}

/// Node i follows some of those after it.
fn graphs() -> impl Strategy<Value = Vec<Vec<usize>>> {
    vec(vec(1..12_usize, 0..4), 1..12).prop_map(|offsets| {
        let count = offsets.len();
        let parents = offsets.into_iter().enumerate().map(|(place, offsets)| {
            let after: BTreeSet<usize> = offsets.into_iter().map(|by| place + by).collect();
            after.into_iter().filter(|place| *place < count).collect()
        });
        parents.collect()
    })
}

proptest! {
    #[test]
    fn a_finger_on_the_lines_finds_every_parent_and_nothing_else(graph in graphs()) {
        let name = |place: usize| format!("n{place}");
        let nodes: Vec<(String, Vec<String>)> = graph
            .iter()
            .enumerate()
            .map(|(place, parents)| (name(place), parents.iter().copied().map(name).collect()))
            .collect();
        let drawn = drawn(&nodes);
        for (place, (_, parents)) in nodes.iter().enumerate() {
            prop_assert_eq!(&reached(&drawn, place), parents);
        }
    }
}

/// The names of the nodes that the lines from a node lead down to, in their order.
fn reached(drawn: &[Drawn], from: usize) -> Vec<String> {
    let column = |drawn: &Drawn| drawn.lanes.find('*').unwrap_or_default();
    // The places where a finger is, and whether it comes from the right.
    let mut fingers = vec![(column(&drawn[from]), false)];
    let mut reached = Vec::new();
    for (index, drawn) in drawn.iter().enumerate().skip(from) {
        let node = column(drawn);
        if index > from && fingers.iter().any(|(place, _)| *place == node) {
            fingers.retain(|(place, _)| *place != node);
            reached.push(format!("n{index}"));
        }
        // A node's own line leads straight down.
        for finger in &mut fingers {
            finger.1 = false;
        }
        for text in &drawn.below {
            let line: Vec<char> = text.chars().collect();
            fingers = fingers.iter().flat_map(|at| next(&line, *at)).collect();
        }
    }
    reached
}

/// Where a finger may be one line further down.
fn next(line: &[char], (place, from_right): (usize, bool)) -> Vec<(usize, bool)> {
    let is = |place: usize, expected| line.get(place) == Some(&expected);
    let leads_left = place > 0 && is(place - 1, '/');
    // What comes from the right goes on to the left, where a lane that is crossed goes straight down.
    if leads_left && (from_right || !is(place, '|')) {
        let mut end = place - 2;
        while end > 0 && is(end - 1, '_') {
            end -= 2;
        }
        return vec![(end, true)];
    }
    // A fork leads a lane to the right, beside one that may stay.
    let right = is(place + 1, '\\').then_some((place + 2, false));
    let down = is(place, '|').then_some((place, false));
    down.into_iter().chain(right).collect()
}
