//! Commands that keep others waiting for as long as they take: LOCK, CLUSTER, VACUUM FULL, REFRESH. What an ALTER TABLE
//! locks is squawk's part.

use super::{
    finding::{Category, Severity},
    remark::Remark,
    words::{Cursor, Words},
};

/// Lock modes that neither keep out readers nor writers.
const LIGHT_MODES: [&str; 3] = ["access share", "row share", "row exclusive"];

pub(super) fn remarks(words: &Words) -> Vec<Remark> {
    let place = words.start();
    let found = [
        clustered(place),
        vacuumed(words),
        refreshed(place),
        locked(place),
    ];
    found.into_iter().flatten().collect()
}

fn clustered(place: Cursor<'_>) -> Option<Remark> {
    let mut cursor = place;
    if !cursor.eat("cluster") {
        return None;
    }
    cursor.skip_parentheses();
    cursor.eat("verbose");
    Some(Remark::new(
        "cluster",
        (Category::Rewrite, Severity::Warning),
        place,
        cursor.name(),
        "writes the table and its indexes anew, and nobody reads or writes it meanwhile",
        "do it in a maintenance window and not in a revision: it changes no schema",
    ))
}

fn vacuumed(words: &Words) -> Option<Remark> {
    let place = words.start();
    let mut cursor = place;
    if !cursor.eat("vacuum") {
        return None;
    }
    let is_off = |mut option: Cursor<'_>| {
        option.eat_any(&["false", "off"])
            || matches!(option.text(), Some("0" | "'off'" | "'false'"))
    };
    let options = cursor;
    cursor.skip_parentheses();
    let in_parentheses = options.text() == Some("(")
        && words
            .each()
            .take_while(|place| place.text() != Some(")"))
            .any(|mut option| option.eat("full") && !is_off(option));
    if !in_parentheses && !cursor.eat("full") {
        return None;
    }
    cursor.eat_any(&["freeze", "verbose", "analyze"]);
    Some(Remark::new(
        "vacuum-full",
        (Category::Rewrite, Severity::Warning),
        place,
        cursor.name(),
        "writes the table and its indexes anew, and nobody reads or writes it meanwhile",
        "run a plain VACUUM, outside of revisions; where the space must come back, in a maintenance window",
    ))
}

fn refreshed(place: Cursor<'_>) -> Option<Remark> {
    let mut cursor = place;
    if !cursor.eat("refresh materialized view") || cursor.eat("concurrently") {
        return None;
    }
    Some(Remark::new(
        "refresh-materialized-view",
        (Category::Blocking, Severity::Warning),
        place,
        cursor.name(),
        "computes the view anew, and nobody reads it meanwhile",
        "REFRESH MATERIALIZED VIEW CONCURRENTLY, which needs a unique index on the view",
    ))
}

fn locked(place: Cursor<'_>) -> Option<Remark> {
    let mut cursor = place;
    if !cursor.eat("lock") {
        return None;
    }
    cursor.eat("table");
    cursor.eat("only");
    let object = cursor.name();
    let mut mode = cursor;
    while !mode.at_end() && !mode.eat("in") {
        mode.skip();
    }
    if LIGHT_MODES.iter().any(|light| mode.eat(light)) {
        return None;
    }
    Some(Remark::new(
        "lock-table",
        (Category::Blocking, Severity::Warning),
        place,
        object,
        "keeps others from the table until the revision has ended",
        "leave it out: each command takes the lock that it needs; or lock as the last thing, in the weakest mode that does",
    ))
}
