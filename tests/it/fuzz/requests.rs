//! Requests of every method with odd values in every field, and bytes that are no message at all.

use bytes::Bytes;
use pgsteward::{
    model::method::Method,
    proto::{CheckDatabaseRequest, DESCRIPTORS, GetBackupRequest},
};
use proptest::{prelude::*, sample::Index};
use prost::Message as _;
use prost_reflect::{DescriptorPool, DynamicMessage, Kind, MessageDescriptor, Value};
use tonic::Code;

use super::samples;
use crate::support::{
    self, expect_reason,
    probe::serves,
    raw::{call, call_with},
};

const TEXTS: &[&str] = &[
    "",
    "\0",
    "none",
    "'; DROP TABLE operations; --",
    "\"",
    "../../etc/passwd",
    "%s%n$1{}",
    "\u{202e}\u{1f4a9}\u{feff}",
    "a\nb\r\n-- upgrade\n",
    "01890000-0000-7000-8000-000000000000",
    "-1",
    "head",
    "postgresql://a:b@c/d",
    "99999999999999999999999",
];
const NUMBERS: &[i64] = &[
    0,
    1,
    -1,
    2_147_483_647,
    -2_147_483_648,
    i64::MAX,
    i64::MIN,
    1 << 40,
];

/// A message of which each field is odd or absent, as the choices say.
fn odd(
    descriptor: &MessageDescriptor,
    choices: &mut impl Iterator<Item = usize>,
    depth: usize,
) -> DynamicMessage {
    let mut message = DynamicMessage::new(descriptor.clone());
    for field in descriptor.fields() {
        let mut choose = |count: usize| choices.next().unwrap_or(0) % count;
        // A database that there is would have real work done to it.
        let is_database = field.name().contains("database");
        if choose(4) == 0 && !is_database {
            continue;
        }
        let number = NUMBERS[choose(NUMBERS.len())];
        let long = choose(8) == 0;
        let text = match TEXTS[choose(TEXTS.len())] {
            "" if is_database => "none",
            text => text,
        };
        let value = match field.kind() {
            Kind::String if long && !is_database => Value::String("é\"".repeat(5_000)),
            Kind::String => Value::String(text.to_owned()),
            Kind::Bytes => Value::Bytes(Bytes::copy_from_slice(text.as_bytes())),
            Kind::Bool => Value::Bool(number % 2 == 0),
            Kind::Int32 | Kind::Sint32 | Kind::Sfixed32 => {
                Value::I32(i32::try_from(number).unwrap_or(i32::MIN))
            }
            Kind::Enum(_) => Value::EnumNumber(i32::try_from(number).unwrap_or(i32::MAX)),
            Kind::Int64 | Kind::Sint64 | Kind::Sfixed64 => Value::I64(number),
            Kind::Uint32 | Kind::Fixed32 => Value::U32(u32::try_from(number).unwrap_or(u32::MAX)),
            Kind::Uint64 | Kind::Fixed64 => Value::U64(number.unsigned_abs()),
            Kind::Double => Value::F64(f64::NAN),
            Kind::Float => Value::F32(f32::INFINITY),
            Kind::Message(inner) if depth > 0 && !field.is_map() => {
                Value::Message(odd(&inner, choices, depth - 1))
            }
            Kind::Message(_) => continue,
        };
        if field.is_map() {
            continue;
        }
        let value = if field.is_list() {
            Value::List(vec![value.clone(), value])
        } else {
            value
        };
        message.set_field(&field, value);
    }
    message
}

#[tokio::test(flavor = "multi_thread")]
async fn odd_values_in_requests_are_refused_or_mean_nothing_and_are_recorded_all_the_same() {
    let (_site, daemon) = support::start().await;
    let client = daemon.client();
    let pool = DescriptorPool::decode(DESCRIPTORS).unwrap();
    let choices = prop::collection::vec(any::<Index>(), 200);
    for choices in samples(&choices, 4) {
        for method in Method::ALL.iter().copied() {
            let (service, name) = method.full_name().split_once('/').unwrap();
            let service = pool.get_service_by_name(service).unwrap();
            let input = service
                .methods()
                .find(|found| found.name() == name)
                .unwrap()
                .input();
            let offset = method.full_name().len();
            let mut choices = choices
                .iter()
                .cycle()
                .skip(offset)
                .map(|choice| choice.index(usize::MAX));
            let message = odd(&input, &mut choices, 3);
            let answer = call_with(client, method, message.encode_to_vec().into()).await;
            if let Err(status) = answer {
                let is_fine = !matches!(
                    status.code(),
                    Code::Internal | Code::Unknown | Code::Unavailable
                );
                assert!(is_fine, "{name} {message:?}: {status:?}");
            }
        }
    }
    // What an answer repeats of a long text must not cut the connection.
    let request = GetBackupRequest {
        filename: "x".repeat(100_000),
    };
    client.backup().get_backup(request).await.unwrap_err();
    let request = CheckDatabaseRequest {
        database: "é".repeat(50_000),
    };
    let refused = client.health().check_database(request).await;
    expect_reason(refused, Code::NotFound, "DATABASE_NOT_FOUND");
    // Bytes that are no message.
    for bytes in [
        &b"\xff\xff\xff\xff"[..],
        b"\x0a\xff\xff\xff\xff\x7f",
        b"\x0a\x02\xff\xfe",
        b"\x0b\x0b\x0b\x0b",
    ] {
        for method in Method::ALL.iter().copied() {
            let _ = call_with(client, method, Bytes::copy_from_slice(bytes)).await;
        }
    }
    assert!(serves(client, "liveness").await.unwrap());
    call(client, Method::GetStatus).await.unwrap();
    daemon.stop().await;
}
