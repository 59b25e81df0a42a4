//! Scripts that take off the limit on waiting for locks. The daemon sets `lock_timeout` before each section, since an
//! ALTER that waits makes all later readers of the table wait behind it.

use super::{
    finding::{Category, Severity},
    remark::Remark,
    words::{Cursor, Words},
};

pub(super) fn remarks(words: &Words) -> Option<Remark> {
    let place = words.start();
    let lifts = sets_none(place)
        || resets(place)
        || words.each().any(calls_set_config)
            && matches!(place.text(), Some("select" | "with" | "values"));
    lifts.then(|| {
        Remark::new(
            "lock-timeout-off",
            (Category::MissingLockTimeout, Severity::Warning),
            place,
            None,
            "takes off the limit on waiting for locks: one long transaction of somebody else then stops all who come after",
            "leave the daemon's `lock_timeout` in place, or SET LOCAL a limit that is not zero",
        )
    })
}

/// `SET [SESSION | LOCAL] lock_timeout = 0`, or `TO DEFAULT`.
fn sets_none(mut cursor: Cursor<'_>) -> bool {
    if !cursor.eat("set") {
        return false;
    }
    cursor.eat_any(&["session", "local"]);
    if !cursor.eat("lock_timeout") || !(cursor.eat("to") || cursor.eat_sign("=")) {
        return false;
    }
    cursor.eat("default") || cursor.text().is_some_and(is_zero)
}

fn resets(mut cursor: Cursor<'_>) -> bool {
    cursor.eat("discard all")
        || cursor.eat("reset") && (cursor.eat("lock_timeout") || cursor.eat("all"))
}

fn calls_set_config(mut cursor: Cursor<'_>) -> bool {
    cursor.eat("set_config")
        && cursor.eat_sign("(")
        && cursor
            .skip()
            .is_some_and(|name| name.eq_ignore_ascii_case("'lock_timeout'"))
        && cursor.eat_sign(",")
        && cursor.text().is_some_and(is_zero)
}

/// True for `0`, `'0'`, `'0 min'` and the like.
fn is_zero(value: &str) -> bool {
    let value = value.trim_matches('\'').trim();
    let number = value.trim_end_matches(|c: char| c.is_ascii_alphabetic() || c == ' ');
    !number.is_empty() && number.bytes().all(|byte| byte == b'0' || byte == b'.')
}
