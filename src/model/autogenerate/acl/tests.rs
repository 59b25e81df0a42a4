//! What privileges are read as, and the statements between two sets of them.

#![allow(clippy::unwrap_used)]

use super::*;

fn acl(list: &[&str]) -> Acl {
    Acl::parse(list).unwrap()
}

fn on_orders(from: &[&str], to: &[&str]) -> Vec<String> {
    statements("TABLE public.orders", &acl(from), &acl(to), "owner")
}

#[test]
fn what_is_lost_is_revoked_and_what_is_new_is_granted() {
    assert_eq!(
        on_orders(
            &["owner=arwd/owner", "=r/owner", "app=ar*/owner"],
            &[
                "owner=arwd/owner",
                "app=rw*/owner",
                "\"Odd \"\"one\"=r/owner"
            ]
        ),
        [
            "REVOKE SELECT ON TABLE public.orders FROM PUBLIC",
            "REVOKE INSERT ON TABLE public.orders FROM app",
            "REVOKE GRANT OPTION FOR SELECT ON TABLE public.orders FROM app",
            "GRANT UPDATE ON TABLE public.orders TO app WITH GRANT OPTION",
            "GRANT SELECT ON TABLE public.orders TO \"Odd \"\"one\"",
        ]
    );
    assert!(on_orders(&["app=r/owner"], &["app=r/owner"]).is_empty());
}

#[test]
fn what_another_role_granted_is_written_as_that_role_and_revoked_before_its_own_option() {
    let chain = ["a=r*/owner", "b=r*/a", "c=r/b"];
    assert_eq!(
        on_orders(&[], &chain),
        [
            "GRANT SELECT ON TABLE public.orders TO a WITH GRANT OPTION",
            "SET LOCAL ROLE a",
            "GRANT SELECT ON TABLE public.orders TO b WITH GRANT OPTION",
            "RESET ROLE",
            "SET LOCAL ROLE b",
            "GRANT SELECT ON TABLE public.orders TO c",
            "RESET ROLE",
        ]
    );
    assert_eq!(
        on_orders(&chain, &[]),
        [
            "SET LOCAL ROLE b",
            "REVOKE SELECT ON TABLE public.orders FROM c",
            "RESET ROLE",
            "SET LOCAL ROLE a",
            "REVOKE SELECT ON TABLE public.orders FROM b",
            "RESET ROLE",
            "REVOKE SELECT ON TABLE public.orders FROM a",
        ]
    );
}

#[test]
fn a_column_is_named_with_each_privilege() {
    assert_eq!(
        column_statements(
            "public.orders",
            "total",
            &acl(&[]),
            &acl(&["app=rw/owner"]),
            "owner"
        ),
        ["GRANT SELECT (total), UPDATE (total) ON TABLE public.orders TO app"]
    );
}

#[test]
fn a_new_owner_takes_the_place_of_the_old_one() {
    let passed = acl(&["old=ar/old", "new=r*/old", "app=r/old"]).with_owner("old", "new");
    assert_eq!(passed.entries, acl(&["new=ar*/new", "app=r/new"]).entries);
}

#[test]
fn merged_lists_hold_what_either_holds() {
    let merged = acl(&["app=r*/owner"]).merged(acl(&["app=ra/owner", "=r/owner"]));
    assert_eq!(merged, acl(&["app=ar*/owner", "=r/owner"]));
}

#[test]
fn what_a_table_takes_away_its_columns_lose() {
    let column = acl(&["app=rw/owner", "other=r/owner"]);
    let left = column.after_table(&acl(&["app=r/owner"]), &acl(&[]));
    assert_eq!(left, acl(&["app=w/owner", "other=r/owner"]));
}

#[test]
fn what_cannot_be_read_is_said() {
    for text in [
        "app",
        "app=r",
        "app=*r/owner",
        "app=?/owner",
        "app=r/\"owner\"x",
    ] {
        assert!(
            Acl::parse(&[text]).unwrap_err().contains("cannot be read"),
            "{text}"
        );
    }
}
