//! Restores that do not replace the live database, and the parts of a restore that can be left out or asked for.

use std::{fs, path::Path};

use pgsteward::{
    model::backup::{Contents, Extension, Manifest, RoleDefinition, StoredContents},
    proto::{
        Backup, BackupKind, ListBackupsRequest, Operation, PlanRestoreRequest, RestorePlan,
        RestoreRequest, RestoreResult, RestoreVerification, RunDrillRequest, operation::Outcome,
    },
};
use tonic::{Code, Status};

use crate::support::{
    self, Client, Site, database::value, expect_field, expect_reason, standalone::Standalone,
};

const ORDERS: &str =
    "CREATE TABLE orders AS SELECT n AS id, md5(n::text) AS name FROM generate_series(1, 200) n";

fn into(site: &Site, backup: &Backup) -> RestoreRequest {
    let name = site.databases.role("copy");
    RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: name.clone(),
        into_database: name,
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    }
}

fn live(backup: &Backup) -> RestoreRequest {
    RestoreRequest {
        filename: backup.filename.clone(),
        confirm_database: "app".to_owned(),
        reason: "a test".to_owned(),
        ..RestoreRequest::default()
    }
}

async fn start(client: &Client, request: RestoreRequest) -> Result<Option<Operation>, Status> {
    let answer = client.restore().restore(request).await?;
    Ok(answer.into_inner().operation)
}

async fn restore(client: &Client, request: RestoreRequest) -> RestoreResult {
    match client.outcome(start(client, request).await.unwrap()).await {
        Outcome::Restore(result) => result,
        other => panic!("{other:?}"),
    }
}

async fn plan(client: &Client, request: PlanRestoreRequest) -> RestorePlan {
    let answer = client.restore().plan_restore(request).await.unwrap();
    answer.into_inner().plan.unwrap()
}

fn failed(plan: &RestorePlan) -> Vec<&str> {
    let failed = plan.checks.iter().filter(|check| !check.passed);
    failed.map(|check| check.name.as_str()).collect()
}

/// Changes what a backup's manifest says.
fn rewrite(site: &Site, backup: &Backup, change: impl FnOnce(&mut Manifest)) {
    rewrite_in(&site.store(), backup, change);
}

fn rewrite_in(store: &Path, backup: &Backup, change: impl FnOnce(&mut Manifest)) {
    let path = store.join(format!("{}.json", backup.filename));
    let mut manifest = Manifest::parse(&fs::read(&path).unwrap()).unwrap();
    change(&mut manifest);
    fs::write(&path, manifest.to_json().unwrap()).unwrap();
}

fn contents(manifest: &mut Manifest) -> &mut Contents {
    match &mut manifest.contents {
        Some(StoredContents::Open(contents)) => contents,
        other => panic!("{other:?}"),
    }
}

#[tokio::test]
async fn a_backup_is_restored_beside_the_live_database_which_stays_open_and_as_it_is() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases.run(ORDERS).await;
    let backup = client.back_up().await;
    site.databases.run("DELETE FROM orders").await;
    let copy = site.databases.role("copy");
    let wanted = PlanRestoreRequest {
        filename: backup.filename.clone(),
        into_database: copy.clone(),
        ..PlanRestoreRequest::default()
    };
    assert!(plan(client, wanted.clone()).await.ready);

    let result = restore(client, into(&site, &backup)).await;

    assert_eq!(result.into_database, copy);
    assert_eq!((result.verified_tables, result.verified_rows), (1, 200));
    assert_eq!(result.replaced, None);
    assert_eq!(result.pre_restore_backup, "");
    let stages: Vec<&str> = result.stages.iter().map(|s| s.stage.as_str()).collect();
    assert_eq!(
        stages,
        ["check", "create", "load", "analyze", "verify", "name"]
    );
    let restored = site.databases.superuser_in(&copy).await;
    assert_eq!(
        value::<i64>(&restored, "SELECT count(*) FROM orders").await,
        200
    );
    assert_eq!(site.databases.rows("orders").await, 0);
    site.databases.connect("app").await.unwrap();
    assert_eq!(
        site.databases.scratch_databases().await,
        std::slice::from_ref(&copy)
    );
    let noted = "SELECT count(*) FROM artifacts";
    assert_eq!(site.databases.control_value::<i64>(noted).await, 0);

    // What is there is never written over.
    assert_eq!(failed(&plan(client, wanted).await), ["DATABASE_EXISTS"]);
    let refused = start(client, into(&site, &backup)).await;
    expect_reason(refused, Code::FailedPrecondition, "DATABASE_EXISTS");
    let over_the_live_one = RestoreRequest {
        into_database: site.databases.managed(),
        confirm_database: site.databases.managed(),
        ..live(&backup)
    };
    let refused = start(client, over_the_live_one).await;
    expect_reason(refused, Code::FailedPrecondition, "DATABASE_EXISTS");
    daemon.stop().await;
}

#[tokio::test]
async fn a_copy_that_is_not_what_the_manifest_says_never_gets_its_name() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases.run(ORDERS).await;
    let backup = client.back_up().await;
    rewrite(&site, &backup, |manifest| {
        contents(manifest).tables[0].rows += 1;
    });

    let operation = start(client, into(&site, &backup)).await.unwrap();
    let error = client.failure(operation).await;

    assert_eq!(error.reason, "RESTORED_CONTENT_DIFFERS");
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);

    // Unless nobody wants to know.
    let unseen = RestoreRequest {
        verify: RestoreVerification::None.into(),
        ..into(&site, &backup)
    };
    let result = restore(client, unseen).await;
    assert_eq!(result.verification(), RestoreVerification::None);
    assert_eq!(result.verified_rows, 0);
    assert_eq!(result.stages.len(), 5);
    daemon.stop().await;
}

#[tokio::test]
async fn a_database_that_is_gone_comes_back_under_its_name_and_from_the_backup_of_any_database() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases.run(ORDERS).await;
    let backup = client.back_up().await;
    rewrite(&site, &backup, |manifest| {
        manifest.database = "shop".to_owned();
    });
    daemon.stop().await;
    let server = site.databases.superuser_in("postgres").await;
    let managed = site.databases.managed();
    let drop = format!("DROP DATABASE {managed} WITH (FORCE)");
    server.batch_execute(&drop).await.unwrap();
    let daemon = site.start().await;
    let request = RestoreRequest {
        into_database: managed.clone(),
        confirm_database: managed.clone(),
        ..live(&backup)
    };

    restore(daemon.client(), request).await;

    assert_eq!(site.databases.rows("orders").await, 200);
    daemon.stop().await;
}

#[tokio::test]
async fn the_last_backup_is_left_out_when_asked() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    site.databases.run(ORDERS).await;
    let backup = client.back_up().await;
    site.databases.run("DELETE FROM orders").await;
    client.enter_maintenance().await;
    let request = RestoreRequest {
        skip_last_backup: true,
        verify: RestoreVerification::Counts.into(),
        ..live(&backup)
    };

    let result = restore(client, request).await;

    assert_eq!(result.pre_restore_backup, "");
    assert_eq!(result.verification(), RestoreVerification::Counts);
    let stages: Vec<&str> = result.stages.iter().map(|s| s.stage.as_str()).collect();
    assert_eq!(
        stages,
        ["check", "create", "load", "analyze", "verify", "swap"]
    );
    assert_eq!(site.databases.rows("orders").await, 200);
    let request = ListBackupsRequest::default();
    let answer = client.backup().list_backups(request).await.unwrap();
    let backups = answer.into_inner().backups;
    assert!(backups.iter().all(|b| b.kind() != BackupKind::PreRestore));
    daemon.stop().await;
}

#[tokio::test]
async fn fields_that_make_no_sense_together_are_refused_by_name() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let backup = client.back_up().await;
    let unconfirmed = RestoreRequest {
        confirm_database: "app".to_owned(),
        ..into(&site, &backup)
    };
    expect_field(start(client, unconfirmed).await, "confirm_database");
    let both = RestoreRequest {
        tables: vec!["public.orders".to_owned()],
        ..into(&site, &backup)
    };
    expect_field(start(client, both).await, "tables");
    let nowhere = RestoreRequest {
        tables: vec!["public.orders".to_owned()],
        ..live(&backup)
    };
    expect_field(start(client, nowhere).await, "into_schema");
    let skipping = RestoreRequest {
        skip_last_backup: true,
        ..into(&site, &backup)
    };
    expect_field(start(client, skipping).await, "skip_last_backup");
    let ours = RestoreRequest {
        into_database: "pgsteward_restore_0".to_owned(),
        ..into(&site, &backup)
    };
    expect_field(start(client, ours).await, "into_database");
    assert_eq!(site.databases.scratch_databases().await, [""; 0]);
    daemon.stop().await;
}

#[tokio::test]
async fn extensions_and_roles_that_the_server_lacks_are_all_named_beforehand() {
    let (site, daemon) = support::start().await;
    let client = daemon.client();
    let backup = client.back_up().await;
    let extension = |name: &str, version: &str| Extension {
        name: name.to_owned(),
        version: version.to_owned(),
    };
    let gone = ["gone1", "gone2"].map(|role| site.databases.role(role));
    rewrite(&site, &backup, |manifest| {
        let contents = contents(manifest);
        contents.extensions = vec![
            extension("no_such_one", "1.0"),
            extension("nor_this", "2.1"),
            extension("plpgsql", "0.1"),
        ];
        contents.roles = gone
            .iter()
            .cloned()
            .chain([site.databases.role("app")])
            .map(|name| RoleDefinition {
                name,
                ..RoleDefinition::default()
            })
            .collect();
    });
    let asked = |create_roles| PlanRestoreRequest {
        filename: backup.filename.clone(),
        into_database: site.databases.role("copy"),
        create_roles,
        ..PlanRestoreRequest::default()
    };
    let message = |plan: &RestorePlan, name: &str| {
        let check = plan.checks.iter().find(|check| check.name == name);
        check.unwrap().message.clone()
    };

    let shown = plan(client, asked(false)).await;
    assert_eq!(failed(&shown), ["EXTENSIONS", "MISSING_ROLES"]);
    let said = message(&shown, "EXTENSIONS");
    assert!(said.contains("no_such_one 1.0, nor_this 2.1"), "{said}");
    let said = message(&shown, "MISSING_ROLES");
    assert!(said.contains(&gone.join(", ")), "{said}");
    let said = message(&shown, "DISK_SPACE");
    assert!(said.contains("cannot be known"), "{said}");

    // The admin role may not create them, before it may.
    let shown = plan(client, asked(true)).await;
    assert_eq!(failed(&shown), ["EXTENSIONS", "MISSING_ROLES"]);
    let admin = site.databases.role("admin");
    let allowed = format!("ALTER ROLE {admin} CREATEROLE");
    site.databases.run_as_superuser(&allowed).await;
    let shown = plan(client, asked(true)).await;
    assert_eq!(failed(&shown), ["EXTENSIONS"]);

    // What is not known does not stand in the way.
    rewrite(&site, &backup, |manifest| {
        manifest.contents = Some(StoredContents::Sealed("c2VhbGVk".to_owned()));
    });
    let shown = plan(client, asked(false)).await;
    assert!(shown.ready, "{shown:?}");
    let said = message(&shown, "EXTENSIONS");
    assert!(said.contains("encrypted"), "{said}");
    daemon.stop().await;
}

#[tokio::test]
async fn what_does_not_fit_on_the_disk_is_refused_where_the_room_can_be_known() {
    let home = Standalone::new();
    let daemon = home.spawn().ready().await;
    let client = daemon.client();
    let backup = client.back_up().await;
    let wanted = PlanRestoreRequest {
        filename: backup.filename.clone(),
        into_database: "copy".to_owned(),
        ..PlanRestoreRequest::default()
    };
    let shown = plan(client, wanted.clone()).await;
    assert!(shown.ready, "{shown:?}");
    let space = shown
        .checks
        .iter()
        .find(|c| c.name == "DISK_SPACE")
        .unwrap();
    assert!(space.message.contains("are free"), "{space:?}");

    rewrite_in(&home.data().join("backups"), &backup, |manifest| {
        manifest.uncompressed_bytes = 1 << 60;
    });
    assert_eq!(failed(&plan(client, wanted).await), ["DISK_SPACE"]);
    let request = RunDrillRequest::default();
    let answer = client.restore().run_drill(request).await.unwrap();
    let error = client.failure(answer.into_inner().operation).await;
    assert_eq!(
        (error.code.as_str(), error.reason.as_str()),
        ("RESOURCE_EXHAUSTED", "DISK_SPACE")
    );
    daemon.stop().await;
}
