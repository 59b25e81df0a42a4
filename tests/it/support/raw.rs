//! Calls by a method's name alone, for what must hold for every RPC.

use bytes::{Buf as _, BufMut as _, Bytes};
use pgsteward::model::method::Method;
use tonic::{
    Request, Status,
    client::Grpc,
    codec::{Codec, DecodeBuf, Decoder, EncodeBuf, Encoder},
};

use super::Client;

/// Messages as the bytes that they are, so that one function can call every method.
#[derive(Clone, Copy, Default)]
struct Raw;

impl Codec for Raw {
    type Encode = Bytes;
    type Decode = Bytes;
    type Encoder = Self;
    type Decoder = Self;

    fn encoder(&mut self) -> Self {
        *self
    }

    fn decoder(&mut self) -> Self {
        *self
    }
}

impl Encoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn encode(&mut self, message: Bytes, buffer: &mut EncodeBuf<'_>) -> Result<(), Status> {
        buffer.put(message);
        Ok(())
    }
}

impl Decoder for Raw {
    type Item = Bytes;
    type Error = Status;

    fn decode(&mut self, buffer: &mut DecodeBuf<'_>) -> Result<Option<Bytes>, Status> {
        Ok(Some(buffer.copy_to_bytes(buffer.remaining())))
    }
}

/// Calls a method with an empty message and reads its answer, of one message or many, to the end; of one without an end, to
/// its beginning.
pub(crate) async fn call(client: &Client, method: Method) -> Result<(), Status> {
    call_with(client, method, Bytes::new()).await
}

/// The same with any bytes as its message.
pub(crate) async fn call_with(
    client: &Client,
    method: Method,
    message: Bytes,
) -> Result<(), Status> {
    let mut grpc = Grpc::new(client.authorized());
    grpc.ready().await.unwrap();
    let path = format!("/{}", method.full_name()).parse().unwrap();
    let request = Request::new(message);
    let mut answers = grpc
        .server_streaming(request, path, Raw)
        .await?
        .into_inner();
    if method == Method::WatchAudit {
        return Ok(());
    }
    while answers.message().await?.is_some() {}
    Ok(())
}
