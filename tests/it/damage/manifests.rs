//! The same for manifests: unreadable ones, ones of other formats, and ones that tell of what is not in the archive.

use std::fs;

use serde_json::{Value, json};

use super::{ROWS, Store, places};

/// What is changed in a manifest, given the place of the table `orders` in it.
type Change = fn(&mut Value, usize);

#[tokio::test]
async fn a_manifest_that_cannot_be_read_is_shown_and_its_backup_refused() {
    let store = Store::new().await;
    let (newer, file) = (&store.newer, store.manifest(&store.newer));
    let good = fs::read(&file).unwrap();
    let value: Value = serde_json::from_slice(&good).unwrap();
    let mut bad: Vec<(String, Vec<u8>)> = Vec::new();
    for place in places(good.len() - 2) {
        bad.push((format!("cut at {place}"), good[..place].to_vec()));
    }
    for field in [
        "format_version",
        "filename",
        "database",
        "kind",
        "snapshot_time",
        "complete_time",
        "size_bytes",
        "sha256",
        "server_version_num",
        "schema_version",
        "verifications",
    ] {
        let mut value = value.clone();
        value.as_object_mut().unwrap().remove(field).unwrap();
        bad.push((format!("without {field}"), value.to_string().into_bytes()));
        value[field] = json!({"not": ["what", "it", "was"]});
        bad.push((format!("another {field}"), value.to_string().into_bytes()));
    }
    let mut place = value.clone();
    place["filename"] = json!("../../etc/passwd.sql.gz");
    bad.push((
        "a name elsewhere".to_owned(),
        place.to_string().into_bytes(),
    ));

    for (number, (what, bytes)) in bad.into_iter().enumerate() {
        fs::write(&file, bytes).unwrap();
        let error = store.verification_fails(newer).await;
        assert_eq!(error.code, "DATA_LOSS", "{what}: {error:?}");
        assert_eq!(error.reason, "MANIFEST_DAMAGED", "{what}: {error:?}");
        assert!(store.is_shown_as_bad(newer).await, "{what}");
        if number % 5 == 0 {
            assert_eq!(store.restore_fails(newer).await.reason, "MANIFEST_DAMAGED");
            assert_eq!(store.plan_refuses(newer).await, ["MANIFEST_DAMAGED"]);
        }
    }
    fs::write(&file, &good).unwrap();
    store.is_good(newer).await;
    store.daemon.stop().await;
}

#[tokio::test]
async fn a_manifest_of_another_format_is_refused_as_such() {
    let store = Store::new().await;
    let (newer, file) = (&store.newer, store.manifest(&store.newer));
    let good = fs::read(&file).unwrap();
    let value: Value = serde_json::from_slice(&good).unwrap();
    for (version, reason) in [(1, "MANIFEST_TOO_OLD"), (99, "MANIFEST_TOO_NEW")] {
        let mut other = value.clone();
        other["format_version"] = json!(version);
        fs::write(&file, other.to_string()).unwrap();
        for error in [
            store.verification_fails(newer).await,
            store.restore_fails(newer).await,
        ] {
            assert_eq!(error.code, "FAILED_PRECONDITION", "{error:?}");
            assert_eq!(error.reason, reason, "{error:?}");
        }
        assert!(store.is_shown_as_bad(newer).await);
    }
    fs::write(&file, &good).unwrap();
    store.is_good(newer).await;
    store.daemon.stop().await;
}

#[tokio::test]
async fn a_manifest_that_tells_of_other_rows_or_places_is_found_by_a_full_read() {
    let store = Store::new().await;
    let (newer, file) = (&store.newer, store.manifest(&store.newer));
    let good = fs::read(&file).unwrap();
    let value: Value = serde_json::from_slice(&good).unwrap();
    let table = |value: &Value| {
        let tables = value["contents"]["open"]["tables"].as_array().unwrap();
        let place = tables.iter().position(|table| table["table"] == "orders");
        place.unwrap()
    };
    let place = table(&value);
    let changes: [(&str, Change); 6] = [
        ("a row more", |value, place| {
            value["contents"]["open"]["tables"][place]["rows"] = json!(ROWS + 1);
        }),
        ("another hash", |value, place| {
            value["contents"]["open"]["tables"][place]["content_hash"] = json!("0".repeat(32));
        }),
        ("another table", |value, place| {
            value["contents"]["open"]["tables"][place]["table"] = json!("elsewhere");
        }),
        ("a table less", |value, place| {
            let tables = &mut value["contents"]["open"]["tables"];
            tables.as_array_mut().unwrap().remove(place);
        }),
        ("no blocks", |value, _| {
            value["contents"]["open"]["blocks"] = json!([]);
        }),
        ("a block beyond the end", |value, _| {
            let size = value["size_bytes"].clone();
            value["contents"]["open"]["blocks"][0][1] = size;
        }),
    ];
    for (what, change) in changes {
        let mut other = value.clone();
        change(&mut other, place);
        fs::write(&file, other.to_string()).unwrap();
        let error = store.verification_fails(newer).await;
        assert_eq!(error.code, "DATA_LOSS", "{what}: {error:?}");
        assert!(store.is_shown_as_bad(newer).await, "{what}");
        fs::write(&file, other.to_string()).unwrap();
        assert_eq!(store.restore_fails(newer).await.code, "DATA_LOSS", "{what}");
    }
    fs::write(&file, &good).unwrap();
    store.is_good(newer).await;
    store.daemon.stop().await;
}
