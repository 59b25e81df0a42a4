//! That the judge of the pairs lets pass what is right, and only that: revisions by hand that do what an author may do wrong.

use super::{
    ground::Ground,
    journey::Author,
    pair::{Direction, Pair},
};

/// What the judge says of a revision that an author wrote for a pair; nothing when it is right.
async fn verdict(ground: &Ground, pair: &Pair, up: &'static str, down: &'static str) -> String {
    let schemas = ground.plain_schemas(pair).await.unwrap();
    let author = Author::Hand(up, down);
    let gone = ground
        .journey(pair, Direction::Forward, &schemas, &author)
        .await;
    gone.map_or_else(|misstep| misstep.to_string(), |()| String::new())
}

#[tokio::test]
async fn the_judge_lets_pass_what_is_right_and_only_that() {
    let ground = Ground::new(false).await;
    let pair = Pair::of(
        "CREATE TABLE t (id integer PRIMARY KEY, a text, n integer);",
        "CREATE TABLE t (id integer PRIMARY KEY, b date, a text, n bigint);",
        "INSERT INTO t VALUES (1, 'x', 5), (2, NULL, 6);",
    );
    let up = "ALTER TABLE t ADD b date;\nALTER TABLE t ALTER n TYPE bigint;";
    let down = "ALTER TABLE t DROP b;\nALTER TABLE t ALTER n TYPE integer;";
    assert_eq!(verdict(&ground, &pair, up, down).await, "");

    let cases = [
        (
            "ALTER TABLE t ADD b date;",
            down,
            "the schema after the upgrade",
            "+     n integer",
        ),
        (
            up,
            "ALTER TABLE t DROP b;",
            "the schema after the downgrade",
            "+     n bigint",
        ),
        (
            "ALTER TABLE t ADD b date;\nALTER TABLE t ALTER n TYPE bigint;\nDELETE FROM t WHERE id = 2;",
            down,
            "the rows after the upgrade",
            "public.t had 2 rows and has 1",
        ),
        (
            "ALTER TABLE t ADD b date;\nALTER TABLE t ALTER n TYPE bigint;\nUPDATE t SET a = 'y' WHERE id = 1;",
            down,
            "the rows after the upgrade",
            "public.t had the values",
        ),
        (
            "ALTER TABLE t ADD b date;\nALTER TABLE t ALTER n TYPE bigint USING NULL;",
            down,
            "the rows after the upgrade",
            "public.t had the values",
        ),
        (
            up,
            "ALTER TABLE t DROP b;\nALTER TABLE t ALTER n TYPE integer;\nDELETE FROM t;",
            "the rows after the downgrade",
            "public.t had 2 rows",
        ),
        (
            "ALTER TABLE t ADD c date;\nALTER TABLE t ALTER x TYPE bigint;",
            down,
            "the upgrade",
            "\"x\"",
        ),
    ];
    for (up, down, stage, text) in cases {
        let said = verdict(&ground, &pair, up, down).await;
        assert!(said.starts_with(stage), "{up}: {said}");
        assert!(said.contains(text), "{up}: {said}");
    }
    ground.stop().await;
}

#[tokio::test]
async fn the_judge_takes_no_new_file_and_no_lost_column_without_a_finding() {
    let ground = Ground::new(false).await;
    let pair = Pair::of(
        "CREATE TABLE t (id integer PRIMARY KEY, a text);\nCREATE TABLE u (n integer);",
        "CREATE TABLE t (id integer PRIMARY KEY);\nCREATE TABLE u (n integer);",
        "INSERT INTO t VALUES (1, 'x'); INSERT INTO u VALUES (1);",
    );
    let down = "ALTER TABLE t ADD a text;";
    assert_eq!(
        verdict(&ground, &pair, "ALTER TABLE t DROP a;", down).await,
        ""
    );
    // By a string no finding sees through.
    let hidden = "DO $do$ BEGIN EXECUTE 'ALTER TABLE t ' || 'DROP a'; END $do$;";
    let said = verdict(&ground, &pair, hidden, down).await;
    assert!(said.contains("public.t.a is gone"), "{said}");
    let anew = "ALTER TABLE t DROP a;\nDO $do$ BEGIN EXECUTE 'CLUSTER ' || 't USING t_pkey'; END $do$;\nALTER TABLE t SET WITHOUT CLUSTER;";
    let said = verdict(&ground, &pair, anew, down).await;
    assert!(said.contains("public.t has another relfilenode"), "{said}");
    ground.stop().await;
}

#[tokio::test]
async fn the_judge_takes_no_sequence_that_begins_anew_and_no_view_that_is_emptied() {
    let ground = Ground::new(false).await;
    let pair = Pair::of(
        "CREATE TABLE t (id serial, a text);\nCREATE MATERIALIZED VIEW m AS SELECT a FROM t;",
        "CREATE TABLE t (id serial, a text, b text);\nCREATE MATERIALIZED VIEW m AS SELECT a FROM t;",
        "INSERT INTO t (a) VALUES ('x'), ('y');",
    );
    let down = "ALTER TABLE t DROP b;";
    assert_eq!(
        verdict(&ground, &pair, "ALTER TABLE t ADD b text;", down).await,
        ""
    );
    let anew = "ALTER TABLE t ADD b text;\nALTER SEQUENCE t_id_seq RESTART WITH 2;";
    let said = verdict(&ground, &pair, anew, down).await;
    assert!(
        said.contains("public.t_id_seq would have given 3 and gives 2"),
        "{said}"
    );
    let emptied = "ALTER TABLE t ADD b text;\nREFRESH MATERIALIZED VIEW m WITH NO DATA;";
    let said = verdict(&ground, &pair, emptied, down).await;
    assert!(said.contains("public.m was populated and is not"), "{said}");
    ground.stop().await;
}
