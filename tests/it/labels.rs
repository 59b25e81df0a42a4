//! What people write on backups: labels that find them, and a hold that nothing removes.

use std::collections::HashMap;

use pgsteward::proto::{
    ApplyRetentionRequest, Backup, CreateBackupRequest, DeleteBackupRequest, GetBackupRequest,
    ListBackupsRequest, RunScheduleRequest, UpdateBackupRequest, operation::Outcome,
};
use tonic::{Code, Status};

use crate::{
    cli::succeeds,
    support::{self, Client, Site, expect_field, expect_reason},
};

fn labels(pairs: &[(&str, &str)]) -> HashMap<String, String> {
    pairs
        .iter()
        .map(|(key, value)| ((*key).to_owned(), (*value).to_owned()))
        .collect()
}

async fn update(client: &Client, request: UpdateBackupRequest) -> Result<Backup, Status> {
    let answer = client.backup().update_backup(request).await?;
    Ok(answer.into_inner().backup.unwrap())
}

async fn get(client: &Client, filename: &str) -> Backup {
    let filename = filename.to_owned();
    let request = GetBackupRequest { filename };
    let answer = client.backup().get_backup(request).await.unwrap();
    answer.into_inner().backup.unwrap()
}

async fn delete(client: &Client, filename: &str) -> Result<(), Status> {
    let filename = filename.to_owned();
    let request = DeleteBackupRequest { filename };
    client.backup().delete_backup(request).await.map(|_| ())
}

fn hold(filename: &str, hold: bool) -> UpdateBackupRequest {
    UpdateBackupRequest {
        filename: filename.to_owned(),
        hold: Some(hold),
        ..UpdateBackupRequest::default()
    }
}

#[tokio::test]
async fn labels_and_hold_are_given_at_the_beginning_and_changed_later() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let request = CreateBackupRequest {
        labels: labels(&[("release", "1.2"), ("draft", "")]),
        hold: true,
        ..CreateBackupRequest::default()
    };
    let answer = client.backup().create_backup(request).await.unwrap();
    let Outcome::Backup(backup) = client.outcome(answer.into_inner().operation).await else {
        panic!("no backup");
    };
    assert_eq!(backup.labels, labels(&[("release", "1.2"), ("draft", "")]));
    assert!(backup.hold);

    let changed = UpdateBackupRequest {
        filename: backup.filename.clone(),
        labels: labels(&[("release", "1.3"), ("team", "shop ä")]),
        remove_labels: vec!["draft".to_owned()],
        hold: None,
    };
    let updated = update(client, changed).await.unwrap();
    assert_eq!(
        updated.labels,
        labels(&[("release", "1.3"), ("team", "shop ä")])
    );
    assert!(updated.hold, "what is not said stays as it is");
    assert_eq!(get(client, &backup.filename).await, updated);
    assert!(
        !update(client, hold(&backup.filename, false))
            .await
            .unwrap()
            .hold
    );
    daemon.stop().await;
}

#[tokio::test]
async fn labels_beyond_the_limits_are_refused_by_field_and_change_nothing() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let backup = client.back_up().await;
    let with = |labels| UpdateBackupRequest {
        filename: backup.filename.clone(),
        labels,
        ..UpdateBackupRequest::default()
    };
    for wrong in [
        labels(&[("Upper", "x")]),
        labels(&[("", "x")]),
        labels(&[("a", "line\nbreak")]),
        labels(&[("a", "nul\0")]),
        labels(&[("a", &"v".repeat(256))]),
        (0..33)
            .map(|n| (format!("k{n}"), String::new()))
            .collect::<HashMap<_, _>>(),
    ] {
        expect_field(update(client, with(wrong)).await, "labels");
    }
    let both = UpdateBackupRequest {
        remove_labels: vec!["a".to_owned()],
        ..with(labels(&[("a", "x")]))
    };
    expect_field(update(client, both).await, "remove_labels");
    let unknown = hold("app_20200101T000000Z.sql.gz", true);
    expect_reason(
        update(client, unknown).await,
        Code::NotFound,
        "BACKUP_NOT_FOUND",
    );
    assert_eq!(get(client, &backup.filename).await, backup);

    // Wrong labels of a new backup are found before it is made.
    let request = CreateBackupRequest {
        labels: labels(&[("Upper", "x")]),
        ..CreateBackupRequest::default()
    };
    expect_field(client.backup().create_backup(request).await, "labels");
    assert_eq!(site.stored_files().len(), 2);
    daemon.stop().await;
}

#[tokio::test]
async fn a_held_backup_is_removed_by_nobody_before_it_is_let_go() {
    let mut site = Site::new().await;
    site.set("schedule.enabled", "true");
    let daemon = site.start().await;
    let client = daemon.client();
    let mut scheduled = Vec::new();
    for number in 0..2 {
        let request = RunScheduleRequest {
            name: "backup/app".to_owned(),
            ..RunScheduleRequest::default()
        };
        let answer = client.schedule().run_schedule(request).await.unwrap();
        let Outcome::Backup(backup) = client.outcome(answer.into_inner().operation).await else {
            panic!("no backup");
        };
        if number == 0 {
            update(client, hold(&backup.filename, true)).await.unwrap();
        }
        scheduled.push(backup.filename);
    }
    let held = &scheduled[0];

    let refused = delete(client, held).await;
    expect_reason(refused, Code::FailedPrecondition, "BACKUP_HELD");
    let request = ApplyRetentionRequest::default();
    let answer = client
        .backup()
        .apply_retention(request.clone())
        .await
        .unwrap();
    let Outcome::Retention(result) = client.outcome(answer.into_inner().operation).await else {
        panic!("no retention");
    };
    let decision = result.decisions.iter().find(|d| d.filename == *held);
    let decision = decision.unwrap();
    assert!(
        decision.keep && decision.reason.starts_with("held"),
        "{decision:?}"
    );

    update(client, hold(held, false)).await.unwrap();
    let answer = client.backup().apply_retention(request).await.unwrap();
    client.outcome(answer.into_inner().operation).await;
    let request = ListBackupsRequest::default();
    let answer = client.backup().list_backups(request).await.unwrap();
    let listed: Vec<String> = answer
        .into_inner()
        .backups
        .into_iter()
        .map(|backup| backup.filename)
        .collect();
    assert_eq!(listed, scheduled[1..]);
    daemon.stop().await;
}

#[tokio::test]
async fn changes_that_come_in_at_once_through_two_daemons_undo_none_of_each_other() {
    let site = Site::new().await;
    let (daemon, other) = (site.start().await, site.start().await);
    let backup = daemon.client().back_up().await;
    let clients = [daemon.client().clone(), other.client().clone()];

    let updates = (0..16).map(|number| {
        let client = clients[number % 2].clone();
        let request = UpdateBackupRequest {
            filename: backup.filename.clone(),
            labels: labels(&[(&format!("k{number}"), "x")]),
            ..UpdateBackupRequest::default()
        };
        tokio::spawn(async move { update(&client, request).await.unwrap() })
    });
    for update in updates.collect::<Vec<_>>() {
        update.await.unwrap();
    }

    assert_eq!(get(&clients[0], &backup.filename).await.labels.len(), 16);
    daemon.stop().await;
    other.stop().await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_command_line_labels_holds_and_releases() {
    let (_site, daemon) = support::start().await;
    succeeds(&daemon, "backup create --label release=1.2 --hold");
    let request = ListBackupsRequest::default();
    let answer = daemon.client().backup().list_backups(request).await;
    let file = answer.unwrap().into_inner().backups.remove(0).filename;
    let shown = succeeds(
        &daemon,
        &format!("backup label {file} team=shop --remove release"),
    );
    assert!(
        shown.contains("team=shop") && !shown.contains("release="),
        "{shown}"
    );
    let shown = succeeds(&daemon, &format!("backup release {file}"));
    assert!(!shown.contains("held:"), "{shown}");
    let shown = succeeds(&daemon, &format!("backup hold {file}"));
    assert!(shown.contains("held:"), "{shown}");
    daemon.stop().await;
}
