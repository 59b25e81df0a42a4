//! The standard health service as a probe asks it.

use tonic::{Code, Status};
use tonic_health::pb::{
    HealthCheckRequest, HealthCheckResponse, health_check_response::ServingStatus,
    health_client::HealthClient,
};

use super::{Client, client::Authorized, wait::until};

/// A client of grpc.health.v1.
pub(crate) fn probe(client: &Client) -> HealthClient<Authorized> {
    HealthClient::new(client.authorized())
}

/// The question for one name.
pub(crate) fn about(name: &str) -> HealthCheckRequest {
    HealthCheckRequest {
        service: name.to_owned(),
    }
}

/// Whether that name serves.
pub(crate) async fn serves(client: &Client, name: &str) -> Result<bool, Status> {
    let answer = probe(client).check(about(name)).await?;
    Ok(is_serving(answer.into_inner()))
}

/// Reads an answer, which must be one of the two that our service gives.
pub(crate) fn is_serving(answer: HealthCheckResponse) -> bool {
    match answer.status() {
        ServingStatus::Serving => true,
        ServingStatus::NotServing => false,
        other => panic!("{other:?}"),
    }
}

/// Waits until that name serves, or does not.
pub(crate) async fn until_serves(client: &Client, name: &str, expected: bool) {
    until(&format!("{name:?} serves: {expected}"), async || {
        (serves(client, name).await.unwrap() == expected).then_some(())
    })
    .await;
}

/// That there is no such name.
pub(crate) async fn expect_unknown(client: &Client, name: &str) {
    let status = serves(client, name).await.unwrap_err();
    assert_eq!(status.code(), Code::NotFound, "{name:?}: {status:?}");
}
