//! The demo's calls: each is printed as the grpcurl line that does the same, then made.

use std::{fmt::Write as _, net::SocketAddr};

use prost::{Message, Name};
use tonic::{
    Request, Status,
    client::Grpc,
    codegen::http::uri::PathAndQuery,
    transport::{Channel, Endpoint},
};

use crate::{
    json::message_to_json,
    model::{
        failure::{Failure, Kind},
        method::Method,
    },
    proto::{self, operation::Outcome},
};

/// A connection to the demo's daemon.
pub(super) struct Calls {
    address: SocketAddr,
    channel: Channel,
    step: std::cell::Cell<u32>,
}

impl Calls {
    pub(super) async fn connect(address: SocketAddr) -> Result<Self, Failure> {
        let channel = Endpoint::from_shared(format!("http://{address}"))
            .map_err(|error| broken(&error.to_string()))?
            .connect()
            .await
            .map_err(|error| broken(&error.to_string()))?;
        Ok(Self {
            address,
            channel,
            step: std::cell::Cell::new(0),
        })
    }

    pub(super) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    /// Says what comes next.
    pub(super) fn step(&self, what: &str) {
        self.step.set(self.step.get() + 1);
        println!("\n{}. {what}", self.step.get());
    }

    /// Prints the grpcurl line of a call.
    pub(super) fn show<M: Message + Name + Default>(
        &self,
        method: Method,
        request: &M,
    ) -> Result<(), Failure> {
        println!("   {}", self.grpcurl(method, request)?);
        Ok(())
    }

    fn grpcurl<M: Message + Name + Default>(
        &self,
        method: Method,
        request: &M,
    ) -> Result<String, Failure> {
        let mut line = "grpcurl -plaintext".to_owned();
        let given = difference(&message_to_json(request)?, &message_to_json(&M::default())?);
        if !given.is_empty() {
            // Writing to a String cannot fail.
            let _infallible = write!(line, " -d '{}'", serde_json::Value::Object(given));
        }
        let _infallible = write!(line, " {} {}", self.address, method.full_name());
        Ok(line)
    }

    /// Prints and makes a unary call.
    pub(super) async fn call<Req, Res>(&self, method: Method, request: Req) -> Result<Res, Failure>
    where
        Req: Message + Name + Default + 'static,
        Res: Message + Default + 'static,
    {
        self.show(method, &request)?;
        self.send(method, request).await
    }

    async fn send<Req, Res>(&self, method: Method, request: Req) -> Result<Res, Failure>
    where
        Req: Message + 'static,
        Res: Message + Default + 'static,
    {
        let mut client = Grpc::new(self.channel());
        client
            .ready()
            .await
            .map_err(|error| broken(&error.to_string()))?;
        let path = PathAndQuery::try_from(format!("/{}", method.full_name()))
            .map_err(|error| broken(&error.to_string()))?;
        let codec = tonic_prost::ProstCodec::default();
        let answer = client.unary(Request::new(request), path, codec).await;
        answer
            .map(tonic::Response::into_inner)
            .map_err(|status| refused(&status))
    }

    /// Waits for an operation's result.
    pub(super) async fn result(
        &self,
        operation: Option<proto::Operation>,
    ) -> Result<Outcome, Failure> {
        let id = operation.unwrap_or_default().id;
        let request = proto::WaitOperationRequest { id, timeout: None };
        let answer: proto::WaitOperationResponse =
            self.send(Method::WaitOperation, request).await?;
        let operation = answer.operation.unwrap_or_default();
        match operation.outcome {
            Some(Outcome::Error(error)) => Err(Failure::new(
                Kind::Internal,
                &error.reason,
                format!("{} failed: {}", operation.method, error.message),
            )
            .with_hint(error.hint)),
            Some(outcome) => Ok(outcome),
            None => Err(broken("an operation ended without a result")),
        }
    }
}

/// The keys of an object that differ from the default's, which nobody would type.
fn difference(
    given: &serde_json::Value,
    default: &serde_json::Value,
) -> serde_json::Map<String, serde_json::Value> {
    let fields = given.as_object().into_iter().flatten();
    fields
        .filter(|(key, value)| default.get(key) != Some(value))
        .map(|(key, value)| (key.clone(), value.clone()))
        .collect()
}

/// A call that the daemon refused.
pub(super) fn refused(status: &Status) -> Failure {
    broken(&format!("{:?}: {}", status.code(), status.message()))
}

/// Something that must not happen in the demo.
pub(super) fn broken(message: &str) -> Failure {
    Failure::new(Kind::Internal, "DEMO_FAILED", message)
}
