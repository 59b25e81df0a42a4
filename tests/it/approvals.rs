//! What is known of a revision besides its text: who made it, who approved it, whether its file is still what was
//! applied; and the ways to change that: Merge, ApproveRevision, Restamp.

use std::fs;

use pgsteward::{
    model::method::Role,
    proto::{
        ApproveRevisionRequest, CreateRevisionRequest, GetRevisionRequest, ListRevisionsRequest,
        MergeRequest, RestampRequest, Revision, RevisionEventKind, RevisionEventState,
        UpgradeRequest,
    },
};
use tonic::{Code, Status};

use crate::support::{
    self, Client, Site, expect_field, expect_reason,
    tokens::{self, token},
};

const CUSTOMERS: [&str; 2] = [
    "CREATE TABLE customers (id bigint PRIMARY KEY, name text NOT NULL);",
    "DROP TABLE customers;",
];

async fn get(client: &Client, revision: &str) -> Revision {
    let request = GetRevisionRequest {
        revision: revision.to_owned(),
        ..GetRevisionRequest::default()
    };
    let answer = client.migration().get_revision(request).await.unwrap();
    answer.into_inner().revision.unwrap()
}

async fn list(client: &Client) -> Vec<Revision> {
    let request = ListRevisionsRequest::default();
    let answer = client.migration().list_revisions(request).await.unwrap();
    answer.into_inner().revisions
}

async fn approve(
    client: &Client,
    revision: &Revision,
    sha256: &str,
    comment: &str,
) -> Result<Revision, Status> {
    let request = ApproveRevisionRequest {
        revision: revision.revision.clone(),
        sha256: sha256.to_owned(),
        comment: comment.to_owned(),
        ..ApproveRevisionRequest::default()
    };
    let answer = client.migration().approve_revision(request).await?;
    Ok(answer.into_inner().revision.unwrap())
}

async fn restamp(client: &Client, revision: &str, reason: &str) -> Result<Revision, Status> {
    let request = RestampRequest {
        revision: revision.to_owned(),
        reason: reason.to_owned(),
        ..RestampRequest::default()
    };
    let answer = client.migration().restamp(request).await?;
    Ok(answer.into_inner().revision.unwrap())
}

async fn merge(client: &Client, request: MergeRequest) -> Result<Revision, Status> {
    let answer = client.migration().merge(request).await?;
    Ok(answer.into_inner().revision.unwrap())
}

/// A revision on the given parents.
async fn branch(client: &Client, parents: &[&str], label: &str) -> Revision {
    let request = CreateRevisionRequest {
        message: format!("branch {label}"),
        parents: parents.iter().map(ToString::to_string).collect(),
        branch_label: label.to_owned(),
        ..CreateRevisionRequest::default()
    };
    let answer = client.migration().create_revision(request).await.unwrap();
    answer.into_inner().revision.unwrap()
}

/// Replaces a text in a revision's file.
fn edit(site: &Site, revision: &Revision, from: &str, to: &str) {
    let path = site.revisions().join(&revision.filename);
    let text = fs::read_to_string(&path).unwrap();
    assert!(text.contains(from), "{text}");
    fs::write(&path, text.replace(from, to)).unwrap();
}

/// A daemon that knows an operator, who makes revisions, and an admin.
async fn site_of_two() -> Site {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    site
}

#[tokio::test]
async fn a_revision_keeps_its_author_and_the_approvals_of_its_file_as_it_is() {
    let site = site_of_two().await;
    let daemon = site.start().await;
    let operator = daemon.client_with(&token(Role::Operator)).await;
    let admin = daemon.client_with(&token(Role::Admin)).await;
    let made = operator.revision(CUSTOMERS[0], CUSTOMERS[1]).await;
    assert_eq!(made.author, "operator");

    let approved = approve(&admin, &made, &made.sha256, "well done").await;
    let approved = approved.unwrap();
    assert_eq!(approved.approvals.len(), 1);
    assert_eq!(approved.approvals[0].principal, "admin");
    assert_eq!(approved.approvals[0].comment, "well done");
    assert_eq!(approved.approvals[0].sha256, made.sha256);
    // The same once more is the same, and another's is another one.
    approve(&admin, &made, "", "once more").await.unwrap();
    approve(&operator, &made, "", "mine").await.unwrap();
    let listed = list(&admin).await;
    let who: Vec<&str> = listed[0]
        .approvals
        .iter()
        .map(|approval| approval.principal.as_str())
        .collect();
    assert_eq!(who, ["admin", "operator"]);
    assert_eq!(listed[0].author, "operator");

    // Any edit voids them, also one of white space: what was read is no longer what is there.
    edit(&site, &made, "name text", "name  text");
    assert_eq!(get(&admin, &made.revision).await.approvals, []);
    let stale = approve(&admin, &made, &made.sha256, "").await;
    expect_reason(stale, Code::FailedPrecondition, "REVISION_CHANGED");
    let long = approve(&admin, &made, "", &"x".repeat(1001)).await;
    expect_field(long, "comment");
    daemon.stop().await;
}

#[tokio::test]
async fn where_approval_is_required_an_upgrade_wants_one_by_somebody_else_than_the_author() {
    let mut site = site_of_two().await;
    site.set("migrations.require_approval", "true");
    let daemon = site.start().await;
    let operator = daemon.client_with(&token(Role::Operator)).await;
    let admin = daemon.client_with(&token(Role::Admin)).await;
    let made = operator.revision(CUSTOMERS[0], CUSTOMERS[1]).await;
    let upgrade = async || {
        let request = UpgradeRequest::default();
        operator.migration().upgrade(request).await
    };

    let unapproved = "REVISION_NOT_APPROVED";
    expect_reason(upgrade().await, Code::FailedPrecondition, unapproved);
    approve(&operator, &made, "", "").await.unwrap();
    expect_reason(upgrade().await, Code::FailedPrecondition, unapproved);
    approve(&admin, &made, "", "").await.unwrap();
    edit(&site, &made, "name text", "name  text");
    expect_reason(upgrade().await, Code::FailedPrecondition, unapproved);
    approve(&admin, &made, "", "").await.unwrap();
    operator.upgrade("head").await;
    daemon.stop().await;
}

#[tokio::test]
async fn of_a_file_that_came_another_way_the_author_is_not_known_and_anyones_approval_counts() {
    let mut site = Site::new().await;
    site.set("migrations.require_approval", "true");
    let text = "-- revision: abcd1234\n-- down_revision: base\n-- message: by hand\n-- created: 2026-11-01T00:00:00Z\n\n-- upgrade\nSELECT 1;\n\n-- downgrade\n-- nothing\n";
    let file = site.revisions().join("202611010000_abcd1234_by_hand.sql");
    fs::write(file, text).unwrap();
    let daemon = site.start().await;
    let client = daemon.client();

    let revision = get(client, "abcd").await;
    assert_eq!(revision.author, "");
    approve(client, &revision, "", "").await.unwrap();
    client.upgrade("head").await;
    daemon.stop().await;
}

#[tokio::test]
async fn an_applied_file_that_was_edited_is_shown_and_stops_upgrades_until_it_is_restamped() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let made = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await;
    client.upgrade("head").await;
    let id = made.revision.as_str();

    // Layout and comments are no edit.
    edit(&site, &made, "name text", "-- who\r\n  name text");
    assert!(!get(client, id).await.edited);
    let unedited = restamp(client, id, "layout").await;
    expect_reason(unedited, Code::FailedPrecondition, "NOT_EDITED");

    edit(&site, &made, "name text NOT NULL", "name varchar");
    let edited = get(client, id).await;
    assert!(edited.edited && edited.applied);
    assert!(edited.applied_script.contains(CUSTOMERS[0]));
    let listed = list(client).await;
    assert!(listed[0].edited);
    assert_eq!(
        (listed[0].applied_script.as_str(), &listed[0].events[..]),
        ("", &[][..])
    );
    client.revision("SELECT 1;", "-- nothing").await;
    let refused = client.migration().upgrade(UpgradeRequest::default()).await;
    expect_reason(refused, Code::FailedPrecondition, "REVISION_EDITED");

    expect_field(restamp(client, id, " ").await, "reason");
    let accepted = restamp(client, id, "the type was changed by hand").await;
    let accepted = accepted.unwrap();
    assert!(!accepted.edited);
    assert_eq!(accepted.applied_script, "");
    let newest = &accepted.events[0];
    assert_eq!(newest.kind(), RevisionEventKind::Restamp);
    assert_eq!(newest.state(), RevisionEventState::Applied);
    assert_eq!(newest.reason, "the type was changed by hand");
    assert_eq!(newest.sha256, accepted.sha256);
    assert_eq!(newest.to_heads, [id]);
    assert_eq!(accepted.events[1].kind(), RevisionEventKind::Upgrade);
    assert_eq!(accepted.events[1].sha256, made.sha256);
    client.upgrade("head").await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_file_that_is_not_applied_may_be_edited_freely() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let made = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await;

    edit(&site, &made, "name text", "name varchar");

    assert!(!get(client, &made.revision).await.edited);
    let refused = restamp(client, &made.revision, "why not").await;
    expect_reason(refused, Code::FailedPrecondition, "NOT_EDITED");
    daemon.stop().await;
}

#[tokio::test]
async fn a_merge_joins_all_heads_and_runs_both_ways() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let base = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await.revision;
    let nothing = merge(client, MergeRequest::default()).await;
    expect_reason(nothing, Code::FailedPrecondition, "NOTHING_TO_MERGE");
    let left = branch(client, &[&base], "left").await.revision;
    let right = branch(client, &[&base], "right").await;
    let heads = "a new revision makes another head";
    let logged = daemon.process.log_lines();
    let said = |line: &serde_json::Value| {
        let message = line["message"].as_str().unwrap_or_default();
        message.starts_with(heads) && line["revision"] == right.revision.as_str()
    };
    assert!(logged.iter().any(said));
    let right = right.revision;

    let request = MergeRequest {
        request_id: "join-1".to_owned(),
        ..MergeRequest::default()
    };
    let merged = merge(client, request.clone()).await.unwrap();
    let again = merge(client, request.clone()).await.unwrap();

    let mut sorted = [left.clone(), right.clone()];
    sorted.sort();
    assert_eq!(merged.down_revisions, sorted);
    assert_eq!(
        merged.message,
        format!("merge {} and {}", sorted[0], sorted[1])
    );
    assert_eq!(merged.upgrade_sql, "-- nothing to do");
    assert_eq!(merged.downgrade_sql, "-- nothing to do");
    assert!(merged.head);
    assert_eq!(merged.author, "local");
    assert_eq!(again, merged);
    let other = MergeRequest {
        message: "something else".to_owned(),
        ..request
    };
    let reused = merge(client, other).await;
    expect_reason(reused, Code::AlreadyExists, "REQUEST_ID_REUSED");

    let result = client.upgrade("head").await;
    assert_eq!(result.to_heads, [merged.revision.as_str()]);
    let request = pgsteward::proto::DowngradeRequest {
        target: left.clone(),
        ..Default::default()
    };
    let down = client.migration().downgrade(request).await.unwrap();
    client.outcome(down.into_inner().operation).await;
    daemon.stop().await;
}

#[tokio::test]
async fn a_merge_names_what_it_joins_and_refuses_a_revision_with_its_own_ancestor() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let base = client.revision(CUSTOMERS[0], CUSTOMERS[1]).await.revision;
    let left = branch(client, &[&base], "left").await.revision;
    let right = branch(client, &[&base], "right").await.revision;
    branch(client, &[&base], "third").await;
    let naming = |revisions: &[&str]| MergeRequest {
        revisions: revisions.iter().map(ToString::to_string).collect(),
        message: "two of three".to_owned(),
        branch_label: "joined".to_owned(),
        ..MergeRequest::default()
    };

    expect_field(merge(client, naming(&[&left, &base])).await, "revisions");
    let one = merge(client, naming(&[&left, &left])).await;
    expect_reason(one, Code::FailedPrecondition, "NOTHING_TO_MERGE");
    let unknown = merge(client, naming(&[&left, "ffff0000"])).await;
    expect_reason(unknown, Code::NotFound, "REVISION_NOT_FOUND");

    let merged = merge(client, naming(&["right", &left[..8]])).await.unwrap();
    assert_eq!(merged.down_revisions, [right, left]);
    assert_eq!(merged.message, "two of three");
    assert_eq!(merged.branch_labels, ["joined"]);
    let heads = list(client).await.into_iter().filter(|r| r.head).count();
    assert_eq!(heads, 2);
    daemon.stop().await;
}
