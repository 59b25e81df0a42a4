//! How one type becomes another, as the server says it.

use pgsteward::{
    model::{autogenerate::Cast, failure::chain},
    postgres::casts::between,
};

use crate::support::database::Databases;

#[tokio::test]
async fn each_pair_of_types_has_the_mildest_cast_that_the_server_takes() {
    let databases = Databases::create().await;
    databases
        .run("CREATE TYPE mood AS ENUM ('fine'); CREATE TYPE other AS ENUM ('fine')")
        .await;
    let client = databases.connect("migrator").await.unwrap();
    for (from, to, cast) in [
        ("integer", "bigint", Some(Cast::Assignment)),
        ("bigint", "integer", Some(Cast::Assignment)),
        (
            "character varying(20)",
            "character varying(5)",
            Some(Cast::Assignment),
        ),
        ("boolean", "integer", Some(Cast::Explicit)),
        ("text", "integer", Some(Cast::Explicit)),
        ("public.mood", "text", Some(Cast::Assignment)),
        ("text", "public.mood", Some(Cast::Explicit)),
        ("public.mood", "public.other", Some(Cast::Text)),
        ("integer[]", "bigint[]", Some(Cast::Assignment)),
        ("point", "date", Some(Cast::Text)),
        ("integer", "public.absent", None),
        ("absent.type", "text", None),
    ] {
        let said = between(&client, from, to).await;
        let said = said.unwrap_or_else(|error| panic!("{from}, {to}: {}", chain(&error)));
        assert_eq!(said, cast, "{from}, {to}");
    }
    let left: i64 = databases
        .value("SELECT count(*) FROM pg_class WHERE relname = 'pgsteward_probe'")
        .await;
    assert_eq!(left, 0);
}
