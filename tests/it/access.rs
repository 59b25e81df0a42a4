//! Who may call what, for every RPC that there is.

mod bounds;
mod jwt;
mod per_database;
mod tls;
mod unix;

use pgsteward::{
    model::method::{Method, Role},
    proto::DESCRIPTORS,
};
use prost_reflect::DescriptorPool;
use tonic::{Code, Request};

use crate::support::{
    Site, expect_reason,
    raw::call,
    tokens::{self, ROLES, token},
};

async fn guarded_site() -> Site {
    let mut site = Site::new().await;
    tokens::require(&mut site);
    site
}

#[tokio::test]
async fn no_method_answers_a_caller_without_a_known_token() {
    let site = guarded_site().await;
    let daemon = site.start().await;
    let stranger = daemon.client_with("pgs-admin-00000000").await;
    for method in Method::ALL.iter().copied() {
        let answer = call(daemon.client(), method).await;
        expect_reason(answer, Code::Unauthenticated, "CREDENTIALS_MISSING");
        let answer = call(&stranger, method).await;
        expect_reason(answer, Code::Unauthenticated, "CREDENTIALS_INVALID");
    }
    daemon.stop().await;
}

#[tokio::test]
async fn every_method_is_denied_to_lesser_roles_whatever_the_request_and_open_to_its_own() {
    let site = guarded_site().await;
    let daemon = site.start().await;
    for role in ROLES {
        let client = daemon.client_with(&token(role)).await;
        for method in Method::ALL.iter().copied() {
            let answer = call(&client, method).await;
            if role < method.role() {
                expect_reason(answer, Code::PermissionDenied, "ROLE_TOO_LOW");
                continue;
            }
            let code = answer.err().map_or(Code::Ok, |status| status.code());
            let refused = [Code::PermissionDenied, Code::Unauthenticated];
            assert!(
                !refused.contains(&code),
                "{role} and {}",
                method.full_name()
            );
            assert_ne!(code, Code::Unimplemented, "{}", method.full_name());
        }
    }
    daemon.stop().await;
}

#[tokio::test]
async fn without_tokens_in_the_configuration_the_loopback_caller_may_do_everything() {
    let site = Site::new().await;
    let daemon = site.start().await;
    for method in Method::ALL.iter().copied() {
        let code = match call(daemon.client(), method).await {
            Ok(()) => Code::Ok,
            Err(status) => status.code(),
        };
        assert_ne!(code, Code::PermissionDenied, "{}", method.full_name());
        assert_ne!(code, Code::Unauthenticated, "{}", method.full_name());
    }
    daemon.stop().await;
}

#[tokio::test]
async fn a_caller_without_a_token_has_the_role_that_the_configuration_gives_it() {
    let mut site = guarded_site().await;
    site.set("auth.loopback_role", "viewer");
    let daemon = site.start().await;
    call(daemon.client(), Method::GetStatus).await.unwrap();
    let answer = call(daemon.client(), Method::Optimize).await;
    expect_reason(answer, Code::PermissionDenied, "ROLE_TOO_LOW");
    daemon.stop().await;
}

#[tokio::test]
async fn an_authorization_that_is_no_bearer_token_is_refused_even_where_none_is_needed() {
    let site = Site::new().await;
    let daemon = site.start().await;
    let mut client = pgsteward::proto::health_service_client::HealthServiceClient::connect(
        format!("http://{}", daemon.address),
    )
    .await
    .unwrap();
    let mut request = Request::new(pgsteward::proto::GetStatusRequest {});
    let basic = "Basic cm9vdDpyb290".parse().unwrap();
    request.metadata_mut().insert("authorization", basic);
    let answer = client.get_status(request).await;
    expect_reason(answer, Code::Unauthenticated, "CREDENTIALS_INVALID");
    daemon.stop().await;
}

#[tokio::test]
async fn tokens_are_never_logged_and_calls_are_with_their_principal() {
    let mut site = guarded_site().await;
    site.set("log.filter", "info,pgsteward=trace");
    let daemon = site.start().await;
    let wrong = daemon.client_with("pgs-wrong-9a8b7c6d").await;
    call(&wrong, Method::GetStatus).await.unwrap_err();
    for role in ROLES {
        let client = daemon.client_with(&token(role)).await;
        call(&client, Method::GetStatus).await.unwrap();
    }
    let mut lines = daemon.process.log_lines();
    lines.retain(|line| line["message"] == "call");
    let said: Vec<_> = lines
        .iter()
        .filter(|line| line["method"] == Method::GetStatus.full_name())
        .map(|line| {
            let text = |key: &str| line[key].as_str().unwrap().to_owned();
            (text("principal"), text("outcome"))
        })
        .collect();
    let expected = [
        ("", "UNAUTHENTICATED"),
        ("viewer", "OK"),
        ("operator", "OK"),
        ("admin", "OK"),
    ];
    for (principal, outcome) in expected {
        let line = (principal.to_owned(), outcome.to_owned());
        assert!(said.contains(&line), "{line:?} is not in {said:?}");
    }
    let log = daemon.process.log();
    assert!(!log.contains("pgs-"), "a token is in the log: {log}");
    daemon.stop().await;
}

#[test]
fn the_table_of_methods_holds_exactly_the_rpcs_of_the_protos() {
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let mut served: Vec<String> = pool
        .services()
        .flat_map(|service| {
            let methods: Vec<_> = service.methods().collect();
            methods
                .into_iter()
                .map(move |method| format!("{}/{}", service.full_name(), method.name()))
        })
        .collect();
    let mut known: Vec<String> = Method::ALL
        .iter()
        .map(|method| method.full_name().to_owned())
        .collect();
    served.sort();
    known.sort();
    assert_eq!(known, served);
}

#[test]
fn no_role_but_admin_may_restore_or_delete() {
    for method in [
        Method::Restore,
        Method::ApproveRestore,
        Method::RollbackRestore,
        Method::DeleteBackup,
    ] {
        assert_eq!(method.role(), Role::Admin, "{}", method.full_name());
    }
}
