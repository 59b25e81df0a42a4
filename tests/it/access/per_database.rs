//! Rights on single databases: what is others' is neither done nor told of, not even that it exists.

use pgsteward::{model::method::Method, proto::*, storage::hexadecimal};
use sha2::{Digest as _, Sha256};
use tonic::{Code, Status};

use crate::support::{Client, Site, expect_reason, tokens};

const APP_OPERATOR: &str = "pgs-app-operator-1f2e3d4c";

/// A second managed database, `shop`, and a principal that is operator on `app` alone, beside those of each role.
async fn site() -> Site {
    let mut site = Site::new().await;
    let databases = site.databases.clone();
    let shop = databases.role("shop");
    let server = databases.superuser_in("postgres").await;
    let create = format!("CREATE DATABASE {shop} OWNER {}", databases.role("admin"));
    server.batch_execute(&create).await.unwrap();
    tokens::require(&mut site);
    site.set("databases.shop.url", &databases.url("admin", &shop));
    site.set("schedule.enabled", "true");
    for (key, value) in [
        ("name", "app-operator"),
        ("role", "operator on app"),
        (
            "sha256",
            &hexadecimal(Sha256::new_with_prefix(APP_OPERATOR)),
        ),
    ] {
        site.set(&format!("auth.tokens.3.{key}"), value);
    }
    site
}

/// Every call that names a thing, of one database or of the other, or one that there is not.
async fn naming(
    client: &Client,
    database: &str,
    file: &str,
    operation: &str,
) -> Vec<Option<Status>> {
    let (mut backup, mut restore) = (client.backup(), client.restore());
    let (mut operations, mut migration) = (client.operations(), client.migration());
    let (mut maintenance, mut health) = (client.maintenance(), client.health());
    let (database, filename) = (database.to_owned(), file.to_owned());
    let (id, operation_id) = (operation.to_owned(), operation.to_owned());
    let mut answers = Vec::new();
    macro_rules! ask {
        ($client:ident.$method:ident, $request:ident { $($field:ident $(: $value:expr)?),* }) => {
            #[allow(clippy::needless_update)] // some requests have no other field
            let request = $request { $($field $(: $value)?.clone(),)* ..$request::default() };
            answers.push($client.$method(request).await.err());
        };
    }
    ask!(backup.get_backup, GetBackupRequest { filename: filename });
    ask!(
        backup.update_backup,
        UpdateBackupRequest { filename: filename }
    );
    ask!(
        backup.verify_backup,
        VerifyBackupRequest { filename: filename }
    );
    ask!(
        backup.download_backup,
        DownloadBackupRequest { filename: filename }
    );
    ask!(
        backup.list_backups,
        ListBackupsRequest { database: database }
    );
    ask!(
        restore.list_drills,
        ListDrillsRequest { database: database }
    );
    ask!(
        restore.list_replaced_databases,
        ListReplacedDatabasesRequest { database: database }
    );
    ask!(operations.get_operation, GetOperationRequest { id: id });
    ask!(operations.wait_operation, WaitOperationRequest { id: id });
    ask!(operations.watch_operation, WatchOperationRequest { id: id });
    ask!(
        operations.cancel_operation,
        CancelOperationRequest { id: operation_id }
    );
    ask!(
        operations.list_operations,
        ListOperationsRequest { database: database }
    );
    ask!(
        migration.get_schema_version,
        GetSchemaVersionRequest { database: database }
    );
    ask!(
        migration.list_revisions,
        ListRevisionsRequest { database: database }
    );
    ask!(
        maintenance.get_maintenance,
        GetMaintenanceRequest { database: database }
    );
    ask!(
        health.check_database,
        CheckDatabaseRequest { database: database }
    );
    answers
}

#[tokio::test]
async fn rights_on_one_database_reach_nothing_of_another_and_do_not_tell_what_exists() {
    let site = site().await;
    let daemon = site.start().await;
    let admin = daemon
        .client_with(&tokens::token(pgsteward::model::method::Role::Admin))
        .await;
    let limited = daemon.client_with(APP_OPERATOR).await;

    let mut made = Vec::new();
    for database in ["app", "shop"] {
        let request = CreateBackupRequest {
            database: database.to_owned(),
            ..CreateBackupRequest::default()
        };
        let answer = admin.backup().create_backup(request).await.unwrap();
        let operation = answer.into_inner().operation.unwrap();
        let id = operation.id.clone();
        let backup = match admin.outcome(Some(operation)).await {
            operation::Outcome::Backup(backup) => backup,
            other => panic!("{other:?}"),
        };
        made.push((database, backup.filename, id));
    }

    // Its own it reaches; the other's and what there is not it is denied in the same words.
    let (app, shop) = (&made[0], &made[1]);
    for answer in naming(&limited, app.0, &app.1, &app.2).await {
        let code = answer.map(|status| status.code());
        assert_ne!(code, Some(Code::PermissionDenied));
    }
    let no_operation = "01890000-0000-7000-8000-000000000000";
    let others = naming(&limited, shop.0, &shop.1, &shop.2).await;
    let nothing = naming(
        &limited,
        "nope",
        "nope_20260101T000000Z.sql.gz",
        no_operation,
    )
    .await;
    for (other, nothing) in others.into_iter().zip(nothing) {
        let (other, nothing) = (other.unwrap(), nothing.unwrap());
        assert_eq!(other.message().replace("shop", "nope"), nothing.message());
        expect_reason::<()>(Err(other), Code::PermissionDenied, "ROLE_TOO_LOW");
        expect_reason::<()>(Err(nothing), Code::PermissionDenied, "ROLE_TOO_LOW");
    }

    // Nobody reads the other's backup by restoring it into one's own database, nor by its job.
    let plan = PlanRestoreRequest {
        database: "app".to_owned(),
        filename: shop.1.clone(),
        into_database: "stolen".to_owned(),
        ..PlanRestoreRequest::default()
    };
    let answer = limited.restore().plan_restore(plan).await;
    expect_reason(answer, Code::PermissionDenied, "ROLE_TOO_LOW");
    let drill = RunDrillRequest {
        database: "app".to_owned(),
        filename: shop.1.clone(),
        ..RunDrillRequest::default()
    };
    let answer = limited.restore().run_drill(drill).await;
    expect_reason(answer, Code::PermissionDenied, "ROLE_TOO_LOW");
    for name in ["optimize/shop", "optimize/nope"] {
        let request = RunScheduleRequest {
            name: name.to_owned(),
            ..RunScheduleRequest::default()
        };
        let answer = limited.schedule().run_schedule(request).await;
        expect_reason(answer, Code::PermissionDenied, "ROLE_TOO_LOW");
    }

    // An empty name would mean the only database; it must not tell which there are.
    let answer = crate::support::raw::call(&limited, Method::GetMaintenance).await;
    let told = answer.as_ref().unwrap_err().message().to_owned();
    assert!(!told.contains("shop"), "{told}");
    expect_reason(answer, Code::PermissionDenied, "ROLE_TOO_LOW");

    lists_show_only_what_the_principal_may_see(&limited, &admin).await;
    daemon.stop().await;
}

async fn lists_show_only_what_the_principal_may_see(limited: &Client, admin: &Client) {
    for (client, expected) in [(limited, vec!["app"]), (admin, vec!["app", "shop"])] {
        let seen = client
            .health()
            .get_status(GetStatusRequest {})
            .await
            .unwrap();
        let databases = seen.into_inner().databases;
        let names = databases.into_iter().map(|health| health.database);
        assert_eq!(names.collect::<Vec<_>>(), expected);

        let request = ListBackupsRequest::default();
        let listed = client.backup().list_backups(request).await.unwrap();
        let backups = listed.into_inner().backups;
        let mut names: Vec<_> = backups.into_iter().map(|backup| backup.database).collect();
        names.sort();
        assert_eq!(names, expected);

        let request = ListOperationsRequest::default();
        let listed = client.operations().list_operations(request).await.unwrap();
        let operations = listed.into_inner().operations;
        let mut names: Vec<_> = operations.into_iter().map(|known| known.database).collect();
        names.sort();
        names.dedup();
        assert_eq!(names, expected);

        let request = ListSchedulesRequest::default();
        let listed = client.schedule().list_schedules(request).await.unwrap();
        let schedules = listed.into_inner().schedules;
        let mut names: Vec<_> = schedules.into_iter().map(|job| job.database).collect();
        names.sort();
        names.dedup();
        assert_eq!(names, expected);

        let request = ListAuditEntriesRequest::default();
        let listed = client.audit().list_audit_entries(request).await.unwrap();
        let entries = listed.into_inner().entries;
        let sees_others = entries.iter().any(|entry| entry.database != "app");
        assert_eq!(sees_others, expected.len() > 1);

        for empty in [
            client
                .restore()
                .list_drills(ListDrillsRequest::default())
                .await
                .err(),
            client
                .restore()
                .list_replaced_databases(ListReplacedDatabasesRequest::default())
                .await
                .err(),
        ] {
            assert!(empty.is_none(), "{empty:?}");
        }
    }
}
