//! One database for each theme, restored as the daemon's roles usually do: none of them is a superuser.

use super::{assert_round_trip, assert_round_trip_as, fill, portrait::Portrait};
use crate::support::{self, cluster::cluster};

/// Made by the migrator, who owns it.
async fn by_the_migrator(sql: &str) {
    let (site, daemon) = support::start().await;
    fill(&site, &site.databases.role("migrator"), sql);
    assert_round_trip(&site, &daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn sequences_of_every_kind_go_on_where_they_stood() {
    by_the_migrator(include_str!("sequences.sql")).await;
}

#[tokio::test]
async fn large_objects_come_back_byte_by_byte_with_owner_grants_and_comment() {
    by_the_migrator(include_str!("large_objects.sql")).await;
}

#[tokio::test]
async fn generated_dropped_and_late_columns_and_tables_without_any_come_back() {
    by_the_migrator(include_str!("columns.sql")).await;
}

#[tokio::test]
async fn parents_and_children_keep_each_their_own_rows() {
    by_the_migrator(include_str!("inheritance.sql")).await;
}

#[tokio::test]
async fn rows_come_back_by_the_names_of_columns_whose_order_inheritance_changes() {
    let (site, daemon) = support::start().await;
    let sql = include_str!("inheritance_late.sql");
    fill(&site, &site.databases.role("migrator"), sql);
    assert_round_trip_as(&site, &daemon, Portrait::without_order_of_columns).await;
    daemon.stop().await;
}

#[tokio::test]
async fn partitions_come_back_also_where_hashes_of_enums_choose_them_anew() {
    by_the_migrator(include_str!("partitions.sql")).await;
}

#[tokio::test]
async fn rows_that_hide_behind_policies_come_back_with_them() {
    by_the_migrator(include_str!("row_security.sql")).await;
}

#[tokio::test]
async fn views_in_circles_and_materialized_ones_on_each_other_come_back() {
    by_the_migrator(include_str!("views.sql")).await;
}

#[tokio::test]
async fn no_name_is_too_odd() {
    by_the_migrator(include_str!("identifiers.sql")).await;
}

#[tokio::test]
async fn values_of_every_type_come_back_to_the_letter() {
    by_the_migrator(include_str!("values.sql")).await;
}

#[tokio::test]
async fn constraints_are_made_after_the_rows_and_those_not_validated_stay_so() {
    by_the_migrator(include_str!("constraints.sql")).await;
}

#[tokio::test]
async fn no_trigger_sees_the_rows_of_a_restore() {
    by_the_migrator(include_str!("triggers.sql")).await;
}

#[tokio::test]
async fn grants_come_back_with_those_that_their_owner_gave_up() {
    by_the_migrator(include_str!("grants.sql")).await;
}

#[tokio::test]
async fn routines_operators_casts_collations_and_text_search_come_back() {
    by_the_migrator(include_str!("routines.sql")).await;
}

#[tokio::test]
async fn publications_come_back_as_their_owners() {
    by_the_migrator(include_str!("publications.sql")).await;
}

#[tokio::test]
async fn three_hundred_tables_in_thirty_schemas_come_back() {
    by_the_migrator(include_str!("many.sql")).await;
}

#[tokio::test]
async fn the_settings_of_a_database_change_no_value() {
    let (site, daemon) = support::start().await;
    fill(&site, "postgres", include_str!("settings.sql"));
    assert_round_trip(&site, &daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn money_comes_back_where_the_comma_is_another() {
    let (site, daemon) = support::start().await;
    cluster().know_locale("de_DE.UTF-8");
    fill(&site, "postgres", include_str!("money.sql"));
    let shown: String = site
        .databases
        .value("SELECT price::text FROM prices ORDER BY item LIMIT 1")
        .await;
    assert!(shown.starts_with("1.234,56"), "{shown}");
    assert_round_trip(&site, &daemon).await;
    daemon.stop().await;
}

#[tokio::test]
async fn letters_that_the_clients_of_a_database_cannot_have_are_backed_up() {
    let (site, daemon) = support::start().await;
    fill(&site, "postgres", include_str!("client_encoding.sql"));
    assert_round_trip(&site, &daemon).await;
    daemon.stop().await;
}
