//! Faults of an S3 service and of the line to it: refused keys, a missing bucket, connections that are cut or stand still.

use std::time::Instant;

use pgsteward::{
    model::failure::{Classified as _, Failure, Kind},
    storage::StorageError,
};

use super::*;
use crate::support::{
    chaos::Proxy,
    wait::{BOUND, until},
};

fn told(error: StorageError) -> Failure {
    let failure = Failure::from(error);
    let said = format!("{failure:?}");
    for hidden in [SECRET, "<", "Signature="] {
        assert!(!said.contains(hidden), "{said}");
    }
    assert!(failure.message.contains("\"offsite\""), "{failure}");
    assert!(failure.hint.is_some(), "{failure}");
    failure
}

#[tokio::test]
async fn what_a_service_refuses_is_told_by_its_reason() {
    let service = S3::start().await;
    let sound = settings(service.endpoint());
    let wrong_key = BucketSettings {
        secret_access_key: "wrong".into(),
        ..sound.clone()
    };
    let no_bucket = BucketSettings {
        bucket: "absent".to_owned(),
        ..sound.clone()
    };
    let nobody = BucketSettings {
        endpoint: Some("http://127.0.0.1:1".to_owned()),
        timeout: Duration::from_millis(300),
        ..sound
    };
    for (settings, reason, kind) in [
        (wrong_key, "STORE_DENIED", Kind::FailedPrecondition),
        (no_bucket, "STORE_BUCKET_MISSING", Kind::FailedPrecondition),
        (nobody, "STORE_UNAVAILABLE", Kind::Unavailable),
    ] {
        let store = bucket(&settings);
        let failures = [
            told(store.list().await.unwrap_err()),
            told(store.create(&app(), Uuid::now_v7()).await.unwrap_err()),
        ];
        for failure in failures {
            assert_eq!(
                (failure.reason.as_str(), failure.kind),
                (reason, kind),
                "{failure}"
            );
            assert_eq!(failure.retry_after.is_some(), kind == Kind::Unavailable);
        }
    }
}

/// A store behind a proxy, with little patience.
async fn behind_a_proxy(service: &S3) -> (Store, Proxy) {
    let proxy = Proxy::before(service.address).await;
    let settings = BucketSettings {
        timeout: Duration::from_millis(500),
        ..settings(format!("http://{}", proxy.address))
    };
    (bucket(&settings), proxy)
}

#[tokio::test]
async fn an_upload_gets_over_connections_that_are_cut() {
    let service = S3::start().await;
    let (store, proxy) = behind_a_proxy(&service).await;
    let bytes = noise(20_000_000);
    let mut upload = store.create(&app(), Uuid::now_v7()).await.unwrap();
    proxy.cut_after(3_000_000);
    upload.append(bytes.clone()).await.unwrap();
    proxy.tripped().await;
    proxy.resume();
    let written = upload.finish().await.unwrap();
    assert_eq!(written, summary_of(&bytes));
    store.commit(&manifest(&app(), &written)).await.unwrap();
    assert!(archive(&store, &app(), 0).await == bytes);
    assert_eq!(service.open_uploads(), 0);
}

#[tokio::test]
async fn an_upload_whose_connections_stand_still_goes_on_over_others() {
    let service = S3::start().await;
    let (store, proxy) = behind_a_proxy(&service).await;
    // Small, so that the time of its one part is short.
    let bytes = noise(100_000);
    let mut upload = store.create(&app(), Uuid::now_v7()).await.unwrap();
    upload.append(bytes.clone()).await.unwrap();
    proxy.stall_after(50_000);
    let finishing = upload.finish();
    let helping = async {
        proxy.tripped().await;
        // What was sent before stays held back on its connection; the service never has all of it.
        proxy.cut();
        proxy.resume();
    };
    let (written, ()) = tokio::join!(finishing, helping);
    assert_eq!(written.unwrap(), summary_of(&bytes));
}

#[tokio::test]
async fn a_service_that_stays_away_fails_the_upload_in_bounded_time() {
    let service = S3::start().await;
    let (store, proxy) = behind_a_proxy(&service).await;
    for stall in [false, true] {
        let mut upload = store.create(&app(), Uuid::now_v7()).await.unwrap();
        upload.append(noise(100_000)).await.unwrap();
        if stall {
            proxy.stall_after(50_000);
        } else {
            proxy.cut_after(50_000);
        }
        let begun = Instant::now();
        let failure = told(upload.finish().await.unwrap_err());
        assert_eq!(failure.reason, "STORE_UNAVAILABLE", "{failure}");
        assert!(begun.elapsed() < BOUND, "it took {:?}", begun.elapsed());

        // What could not be cleared away is told of by the marker.
        proxy.resume();
        until("the store is swept", || async {
            store.sweep(&app()).await.ok()
        })
        .await;
        assert_eq!(service.objects(PREFIX), Vec::<String>::new());
        assert_eq!(service.open_uploads(), 0);
    }
}

#[tokio::test]
async fn a_download_gets_over_connections_that_are_cut_or_stand_still() {
    let service = S3::start().await;
    let (store, proxy) = behind_a_proxy(&service).await;
    let bytes = noise(30_000_000);
    back_up(&store, &app(), &bytes).await;
    for stall in [false, true] {
        let mut reader = store.read(&app(), 0).await.unwrap();
        let mut read = vec![0; 1_000_000];
        reader.read_exact(&mut read).await.unwrap();
        if stall {
            proxy.stall();
        } else {
            proxy.cut();
        }
        let reading = reader.read_to_end(&mut read);
        let helping = async {
            tokio::task::yield_now().await;
            proxy.cut();
            proxy.resume();
        };
        let (done, ()) = tokio::join!(reading, helping);
        done.unwrap();
        assert!(read == bytes);
    }
    // And an end to it, where the service stays away.
    let mut reader = store.read(&app(), 0).await.unwrap();
    proxy.stall();
    let error = reader.read_to_end(&mut Vec::new()).await.unwrap_err();
    let error = error.downcast::<StorageError>().unwrap();
    assert_eq!(error.reason(), "STORE_UNAVAILABLE");
}
