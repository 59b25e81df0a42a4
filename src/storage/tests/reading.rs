//! Reading: every kind of damage is found and named, and a download goes on from any offset.

use super::*;

#[tokio::test]
async fn every_kind_of_damage_is_found_and_named() {
    let fixture = Fixture::new();
    let plain = "insert into orders values (1, 'a row');\n".repeat(50_000);
    let sound = fixture.backup(&app(), plain.as_bytes()).await;

    let truncated = fixture.damage(&sound, |bytes| bytes.truncate(bytes.len() - 1));
    assert!(matches!(truncated.await, Damage::Size { .. }));
    let longer = fixture.damage(&sound, |bytes| bytes.push(0));
    assert!(matches!(longer.await, Damage::Size { .. }));
    let emptied = fixture.damage(&sound, Vec::clear);
    assert!(matches!(emptied.await, Damage::Size { found: 0, .. }));

    // One bit anywhere: header, data, checksum, length.
    let size = usize::try_from(sound.size_bytes).unwrap();
    for position in (0..size).step_by(97).chain(size - 8..size) {
        let damage = fixture.damage(&sound, |bytes| bytes[position] ^= 1).await;
        assert!(
            matches!(damage, Damage::Decompression { .. } | Damage::Digest { .. }),
            "byte {position}: {damage:?}"
        );
    }

    // The same content in other bytes.
    let mut other_bytes = sound.clone();
    other_bytes.sha256 = "0".repeat(64);
    let damage = fixture.damage(&other_bytes, |_| {}).await;
    assert!(matches!(damage, Damage::Digest { .. }));
    let mut other_length = sound.clone();
    other_length.uncompressed_bytes += 1;
    let damage = fixture.damage(&other_length, |_| {}).await;
    assert!(matches!(damage, Damage::UncompressedSize { .. }));

    fs::remove_file(fixture.path(app().as_str())).unwrap();
    let error = fixture.store.verify(&sound, |_| {}).await.unwrap_err();
    assert!(matches!(
        error,
        StorageError::Damaged {
            damage: Damage::Missing,
            ..
        }
    ));
}

#[tokio::test]
async fn an_archive_that_was_bad_from_the_start_is_found_although_size_and_digest_agree() {
    let fixture = Fixture::new();
    let whole = gzip(&noise(100_000));
    let cut = &whole[..whole.len() / 2];
    let garbage = [&whole[..], b"garbage"].concat();
    for (archive, least) in [(&b""[..], 0), (cut, cut.len()), (&garbage, whole.len())] {
        fs::write(fixture.path(app().as_str()), archive).unwrap();
        let manifest = manifest(&app(), &summary_of(archive, 100_000));
        match fixture.damage(&manifest, |_| {}).await {
            Damage::Decompression { at, .. } => {
                assert!((least as u64..=archive.len() as u64).contains(&at), "{at}");
            }
            other => panic!("{other:?}"),
        }
        // Nor does a restore take such an archive for a whole one.
        fixture.plain(&app()).await.unwrap_err();
    }
}

#[tokio::test]
async fn gzip_members_after_one_another_are_one_archive() {
    let fixture = Fixture::new();
    let members = [
        gzip(b"one "),
        gzip(b""),
        gzip(&noise(1_000_000)),
        gzip(b" end"),
    ];
    let archive = members.concat();
    fs::write(fixture.path(app().as_str()), &archive).unwrap();
    let plain = [b"one ", &noise(1_000_000)[..], b" end"].concat();
    assert!(fixture.plain(&app()).await.unwrap() == plain);
    let summary = summary_of(&archive, plain.len() as u64);
    let manifest = manifest(&app(), &summary);
    let verified = fixture.store.verify(&manifest, |_| {}).await.unwrap();
    assert_eq!(verified, summary);
}

#[tokio::test]
async fn a_backup_is_read_from_any_offset_up_to_its_end() {
    let fixture = Fixture::new();
    let manifest = fixture.backup(&app(), &noise(600_000)).await;
    let archive = fs::read(fixture.path(app().as_str())).unwrap();
    let size = manifest.size_bytes;
    for offset in [0, 1, size / 2, size - 1, size] {
        let mut rest = Vec::new();
        let mut reader = fixture.store.read(&app(), offset).await.unwrap();
        reader.read_to_end(&mut rest).await.unwrap();
        assert!(rest == archive[usize::try_from(offset).unwrap()..]);
    }
    let error = fixture.store.read(&app(), size + 1).await.err().unwrap();
    assert_eq!(error.reason(), "OFFSET_PAST_END");
    let absent = name("absent.sql.gz");
    let error = fixture.store.read(&absent, 0).await.err().unwrap();
    assert_eq!(error.reason(), "BACKUP_NOT_FOUND");
}

#[tokio::test]
async fn a_backup_that_is_deleted_while_it_is_read_is_read_to_its_end() {
    let fixture = Fixture::new();
    let manifest = fixture.backup(&app(), &noise(3_000_000)).await;
    let mut reader = fixture.store.read(&app(), 0).await.unwrap();
    let mut first = [0; 10];
    reader.read_exact(&mut first).await.unwrap();
    fixture.store.delete(&app()).await.unwrap();
    assert_eq!(fixture.files(), Vec::<String>::new());
    let mut rest = Vec::new();
    reader.read_to_end(&mut rest).await.unwrap();
    assert_eq!(rest.len() as u64 + 10, manifest.size_bytes);

    let error = fixture.store.delete(&app()).await.unwrap_err();
    assert_eq!(error.reason(), "BACKUP_NOT_FOUND");
}
