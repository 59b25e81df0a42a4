//! Every kind of object: how it is made, some changes with what undoes them, and how it is dropped.
//!
//! In the statements `$app` and `$other` stand for roles; `postgres` is who runs them. All objects of the list can stand in one
//! database at the same time.

use pgsteward::model::schema::ObjectKind;

/// One object.
pub(crate) struct Sample {
    pub(crate) kind: ObjectKind,
    pub(crate) identity: &'static str,
    pub(crate) create: &'static str,
    /// Statement, statement that undoes it, and the property that shows it.
    pub(crate) changes: &'static [(&'static str, &'static str, &'static str)],
    pub(crate) drop: &'static str,
}

/// What the samples stand on.
pub(crate) const GROUND: &str = "
    CREATE SCHEMA other;
    CREATE TABLE public.ground (id integer PRIMARY KEY, name text, amount numeric, born timestamptz);
    CREATE TABLE public.parted (id integer, at date) PARTITION BY RANGE (at);
    CREATE FUNCTION public.stamp() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN RETURN NEW; END';
    CREATE FUNCTION public.watch() RETURNS event_trigger LANGUAGE plpgsql AS 'BEGIN END';
    CREATE FUNCTION public.same(integer, text) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE FUNCTION public.same(text, integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT true';
    CREATE FUNCTION public.to_json_of(internal) RETURNS internal LANGUAGE internal IMMUTABLE STRICT AS 'texteq';
    CREATE FUNCTION public.handle() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
    CREATE FUNCTION public.compare(integer, text) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT 0';
    CREATE TYPE public.pair AS (a integer, b integer);
    CREATE FUNCTION public.pair_less(public.pair, public.pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.a < $2.a';
    CREATE FUNCTION public.pair_compare(public.pair, public.pair) RETURNS integer LANGUAGE sql IMMUTABLE AS 'SELECT $1.a - $2.a';
    CREATE FUNCTION public.convert(integer, integer, cstring, internal, integer, boolean) RETURNS integer
        LANGUAGE c STRICT AS '$libdir/latin2_and_win1250', 'latin2_to_win1250';
    CREATE FOREIGN DATA WRAPPER ground_wrapper;
    CREATE SERVER ground_server FOREIGN DATA WRAPPER ground_wrapper;
    CREATE EXTENSION citext SCHEMA public;
";

const COMMENT: &str = "comment";
const OWNER: &str = "owner";
const ACL: &str = "acl";

/// One of each kind, and more where a kind has several faces.
pub(crate) const SAMPLES: &[Sample] = &[
    Sample {
        kind: ObjectKind::Schema,
        identity: "\"Sales\"",
        create: r#"CREATE SCHEMA "Sales""#,
        changes: &[
            (r#"ALTER SCHEMA "Sales" OWNER TO $app"#, r#"ALTER SCHEMA "Sales" OWNER TO postgres"#, OWNER),
            (r#"GRANT USAGE ON SCHEMA "Sales" TO $app"#, r#"REVOKE USAGE ON SCHEMA "Sales" FROM $app"#, ACL),
            (
                r#"GRANT USAGE ON SCHEMA "Sales" TO $app WITH GRANT OPTION"#,
                r#"REVOKE USAGE ON SCHEMA "Sales" FROM $app"#,
                ACL,
            ),
            (r#"COMMENT ON SCHEMA "Sales" IS 'x'"#, r#"COMMENT ON SCHEMA "Sales" IS NULL"#, COMMENT),
            (
                r#"INSERT INTO pg_seclabel VALUES ('"Sales"'::regnamespace, 'pg_namespace'::regclass, 0, 'guard', 'secret')"#,
                "DELETE FROM pg_seclabel",
                "security labels",
            ),
        ],
        drop: r#"DROP SCHEMA "Sales""#,
    },
    Sample {
        kind: ObjectKind::Extension,
        identity: "hstore",
        create: "CREATE EXTENSION hstore SCHEMA public VERSION '1.4'",
        changes: &[
            ("ALTER EXTENSION hstore SET SCHEMA other", "ALTER EXTENSION hstore SET SCHEMA public", "schema"),
            (
                "ALTER EXTENSION hstore UPDATE TO '1.5'",
                "DROP EXTENSION hstore; CREATE EXTENSION hstore SCHEMA public VERSION '1.4'",
                "version",
            ),
            (
                "COMMENT ON EXTENSION hstore IS 'x'",
                "COMMENT ON EXTENSION hstore IS 'data type for storing sets of (key, value) pairs'",
                COMMENT,
            ),
        ],
        drop: "DROP EXTENSION hstore",
    },
    Sample {
        kind: ObjectKind::Language,
        identity: "sample_language",
        create: "CREATE TRUSTED LANGUAGE sample_language HANDLER public.handle",
        changes: &[
            (
                "ALTER LANGUAGE sample_language OWNER TO $app",
                "ALTER LANGUAGE sample_language OWNER TO postgres",
                OWNER,
            ),
            (
                "REVOKE USAGE ON LANGUAGE sample_language FROM PUBLIC",
                "GRANT USAGE ON LANGUAGE sample_language TO PUBLIC",
                ACL,
            ),
            ("COMMENT ON LANGUAGE sample_language IS 'x'", "COMMENT ON LANGUAGE sample_language IS NULL", COMMENT),
        ],
        drop: "DROP LANGUAGE sample_language",
    },
    Sample {
        kind: ObjectKind::Collation,
        identity: "public.german",
        create: "CREATE COLLATION public.german (provider = icu, locale = 'de', deterministic = false)",
        changes: &[
            ("ALTER COLLATION public.german OWNER TO $app", "ALTER COLLATION public.german OWNER TO postgres", OWNER),
            (
                "DROP COLLATION public.german; CREATE COLLATION public.german (provider = icu, locale = 'fr', deterministic = false)",
                "DROP COLLATION public.german; CREATE COLLATION public.german (provider = icu, locale = 'de', deterministic = false)",
                "locale",
            ),
            (
                "DROP COLLATION public.german; CREATE COLLATION public.german (provider = icu, locale = 'de')",
                "DROP COLLATION public.german; CREATE COLLATION public.german (provider = icu, locale = 'de', deterministic = false)",
                "deterministic",
            ),
        ],
        drop: "DROP COLLATION public.german",
    },
    Sample {
        kind: ObjectKind::Enum,
        identity: "public.mood",
        create: "CREATE TYPE public.mood AS ENUM ('sad', 'glad')",
        changes: &[
            (
                "ALTER TYPE public.mood ADD VALUE 'calm' BEFORE 'glad'",
                "DROP TYPE public.mood; CREATE TYPE public.mood AS ENUM ('sad', 'glad')",
                "labels",
            ),
            (
                "DROP TYPE public.mood; CREATE TYPE public.mood AS ENUM ('glad', 'sad')",
                "DROP TYPE public.mood; CREATE TYPE public.mood AS ENUM ('sad', 'glad')",
                "labels",
            ),
            (
                "ALTER TYPE public.mood RENAME VALUE 'sad' TO 'bad'",
                "ALTER TYPE public.mood RENAME VALUE 'bad' TO 'sad'",
                "labels",
            ),
            ("ALTER TYPE public.mood OWNER TO $app", "ALTER TYPE public.mood OWNER TO postgres", OWNER),
            ("REVOKE USAGE ON TYPE public.mood FROM PUBLIC", "GRANT USAGE ON TYPE public.mood TO PUBLIC", ACL),
            ("COMMENT ON TYPE public.mood IS 'x'", "COMMENT ON TYPE public.mood IS NULL", COMMENT),
        ],
        drop: "DROP TYPE public.mood",
    },
    Sample {
        kind: ObjectKind::Domain,
        identity: "public.short",
        create: "CREATE DOMAIN public.short AS character varying(5) CHECK (VALUE <> '')",
        changes: &[
            ("ALTER DOMAIN public.short SET DEFAULT 'a'", "ALTER DOMAIN public.short DROP DEFAULT", "default"),
            ("ALTER DOMAIN public.short SET NOT NULL", "ALTER DOMAIN public.short DROP NOT NULL", "not null"),
            ("ALTER DOMAIN public.short OWNER TO $app", "ALTER DOMAIN public.short OWNER TO postgres", OWNER),
            (
                "DROP DOMAIN public.short; CREATE DOMAIN public.short AS varchar(6) CHECK (VALUE <> '')",
                "DROP DOMAIN public.short; CREATE DOMAIN public.short AS varchar(5) CHECK (VALUE <> '')",
                "type",
            ),
            (
                r#"DROP DOMAIN public.short; CREATE DOMAIN public.short AS varchar(5) COLLATE "C" CHECK (VALUE <> '')"#,
                "DROP DOMAIN public.short; CREATE DOMAIN public.short AS varchar(5) CHECK (VALUE <> '')",
                "collation",
            ),
        ],
        drop: "DROP DOMAIN public.short",
    },
    Sample {
        kind: ObjectKind::Constraint,
        identity: "low on domain public.percent",
        create: "CREATE DOMAIN public.percent AS integer; ALTER DOMAIN public.percent ADD CONSTRAINT low CHECK (VALUE >= 0)",
        changes: &[
            (
                "ALTER DOMAIN public.percent DROP CONSTRAINT low;
                 ALTER DOMAIN public.percent ADD CONSTRAINT low CHECK (VALUE > 0)",
                "ALTER DOMAIN public.percent DROP CONSTRAINT low;
                 ALTER DOMAIN public.percent ADD CONSTRAINT low CHECK (VALUE >= 0)",
                "definition",
            ),
            (
                "ALTER DOMAIN public.percent DROP CONSTRAINT low;
                 ALTER DOMAIN public.percent ADD CONSTRAINT low CHECK (VALUE >= 0) NOT VALID",
                "ALTER DOMAIN public.percent VALIDATE CONSTRAINT low",
                "validated",
            ),
            (
                "COMMENT ON CONSTRAINT low ON DOMAIN public.percent IS 'x'",
                "COMMENT ON CONSTRAINT low ON DOMAIN public.percent IS NULL",
                COMMENT,
            ),
        ],
        drop: "DROP DOMAIN public.percent",
    },
    Sample {
        kind: ObjectKind::CompositeType,
        identity: "public.address",
        create: "CREATE TYPE public.address AS (street text, house integer)",
        changes: &[
            (
                r#"ALTER TYPE public.address ADD ATTRIBUTE "Town" text COLLATE "C""#,
                r#"ALTER TYPE public.address DROP ATTRIBUTE "Town""#,
                "attributes",
            ),
            (
                "ALTER TYPE public.address ALTER ATTRIBUTE house TYPE bigint",
                "ALTER TYPE public.address ALTER ATTRIBUTE house TYPE integer",
                "attributes",
            ),
            (
                "COMMENT ON COLUMN public.address.house IS 'x'",
                "COMMENT ON COLUMN public.address.house IS NULL",
                "attribute comments",
            ),
            ("COMMENT ON TYPE public.address IS 'x'", "COMMENT ON TYPE public.address IS NULL", COMMENT),
        ],
        drop: "DROP TYPE public.address",
    },
    Sample {
        kind: ObjectKind::Range,
        identity: "public.span",
        create: "CREATE TYPE public.span AS RANGE (subtype = float8, subtype_diff = float8mi)",
        changes: &[
            (
                "DROP TYPE public.span; CREATE TYPE public.span AS RANGE (subtype = float8)",
                "DROP TYPE public.span; CREATE TYPE public.span AS RANGE (subtype = float8, subtype_diff = float8mi)",
                "difference",
            ),
            (
                "DROP TYPE public.span;
                 CREATE TYPE public.span AS RANGE (subtype = float8, subtype_diff = float8mi, multirange_type_name = spans)",
                "DROP TYPE public.span; CREATE TYPE public.span AS RANGE (subtype = float8, subtype_diff = float8mi)",
                "multirange",
            ),
            ("ALTER TYPE public.span OWNER TO $app", "ALTER TYPE public.span OWNER TO postgres", OWNER),
        ],
        drop: "DROP TYPE public.span",
    },
    Sample {
        kind: ObjectKind::BaseType,
        identity: "public.number",
        create: "
            CREATE TYPE public.number;
            CREATE FUNCTION public.number_in(cstring) RETURNS public.number LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
            CREATE FUNCTION public.number_out(public.number) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
            CREATE TYPE public.number (INPUT = public.number_in, OUTPUT = public.number_out, LIKE = integer)",
        changes: &[
            (
                "CREATE FUNCTION public.number_send(public.number) RETURNS bytea LANGUAGE internal IMMUTABLE STRICT AS 'int4send';
                 ALTER TYPE public.number SET (SEND = public.number_send)",
                "ALTER TYPE public.number SET (SEND = NONE); DROP FUNCTION public.number_send",
                "send",
            ),
            ("REVOKE USAGE ON TYPE public.number FROM PUBLIC", "GRANT USAGE ON TYPE public.number TO PUBLIC", ACL),
        ],
        drop: "DROP TYPE public.number CASCADE",
    },
    Sample {
        kind: ObjectKind::BaseType,
        identity: "public.shell",
        create: "CREATE TYPE public.shell",
        changes: &[("COMMENT ON TYPE public.shell IS 'x'", "COMMENT ON TYPE public.shell IS NULL", COMMENT)],
        drop: "DROP TYPE public.shell",
    },
    Sample {
        kind: ObjectKind::Function,
        identity: "public.area(integer, \"char\")",
        create: "CREATE FUNCTION public.area(a integer, b \"char\" DEFAULT 'x') RETURNS integer LANGUAGE sql AS 'SELECT a'",
        changes: &[
            (
                "CREATE OR REPLACE FUNCTION public.area(a integer, b \"char\" DEFAULT 'x') RETURNS integer LANGUAGE sql AS 'SELECT 1'",
                "CREATE OR REPLACE FUNCTION public.area(a integer, b \"char\" DEFAULT 'x') RETURNS integer LANGUAGE sql AS 'SELECT a'",
                "definition",
            ),
            (
                "CREATE OR REPLACE FUNCTION public.area(a integer, b \"char\" DEFAULT 'y') RETURNS integer LANGUAGE sql AS 'SELECT a'",
                "CREATE OR REPLACE FUNCTION public.area(a integer, b \"char\" DEFAULT 'x') RETURNS integer LANGUAGE sql AS 'SELECT a'",
                "definition",
            ),
            ("ALTER FUNCTION public.area COST 5", "ALTER FUNCTION public.area COST 100", "definition"),
            ("ALTER FUNCTION public.area IMMUTABLE", "ALTER FUNCTION public.area VOLATILE", "definition"),
            ("ALTER FUNCTION public.area SET work_mem = '1MB'", "ALTER FUNCTION public.area RESET work_mem", "definition"),
            ("ALTER FUNCTION public.area SECURITY DEFINER", "ALTER FUNCTION public.area SECURITY INVOKER", "definition"),
            ("ALTER FUNCTION public.area OWNER TO $app", "ALTER FUNCTION public.area OWNER TO postgres", OWNER),
            (
                "REVOKE EXECUTE ON FUNCTION public.area FROM PUBLIC",
                "GRANT EXECUTE ON FUNCTION public.area TO PUBLIC",
                ACL,
            ),
            ("COMMENT ON FUNCTION public.area IS 'x'", "COMMENT ON FUNCTION public.area IS NULL", COMMENT),
            (
                "ALTER FUNCTION public.area DEPENDS ON EXTENSION citext",
                "ALTER FUNCTION public.area NO DEPENDS ON EXTENSION citext",
                "depends on extensions",
            ),
        ],
        drop: "DROP FUNCTION public.area",
    },
    Sample {
        kind: ObjectKind::Function,
        identity: "public.tidy(integer[])",
        create: "CREATE PROCEDURE public.tidy(VARIADIC a integer[]) LANGUAGE sql BEGIN ATOMIC SELECT count(*) FROM public.ground; END",
        changes: &[
            ("ALTER PROCEDURE public.tidy SECURITY DEFINER", "ALTER PROCEDURE public.tidy SECURITY INVOKER", "definition"),
        ],
        drop: "DROP PROCEDURE public.tidy",
    },
    Sample {
        kind: ObjectKind::Function,
        identity: "public.place()",
        create: "CREATE FUNCTION public.place() RETURNS bigint LANGUAGE internal WINDOW AS 'window_row_number'",
        changes: &[("ALTER FUNCTION public.place() STABLE", "ALTER FUNCTION public.place() VOLATILE", "definition")],
        drop: "DROP FUNCTION public.place()",
    },
    Sample {
        kind: ObjectKind::Function,
        identity: "public.total(integer)",
        create: "CREATE AGGREGATE public.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')",
        changes: &[
            (
                "CREATE OR REPLACE AGGREGATE public.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '1')",
                "CREATE OR REPLACE AGGREGATE public.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')",
                "initial state",
            ),
            (
                "CREATE OR REPLACE AGGREGATE public.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0',
                     PARALLEL = safe, COMBINEFUNC = int4pl)",
                "CREATE OR REPLACE AGGREGATE public.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')",
                "combine function",
            ),
            (
                "CREATE OR REPLACE AGGREGATE public.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0',
                     MSFUNC = int4pl, MINVFUNC = int4mi, MSTYPE = integer)",
                "CREATE OR REPLACE AGGREGATE public.total(integer) (SFUNC = int4pl, STYPE = integer, INITCOND = '0')",
                "moving inverse function",
            ),
            ("COMMENT ON AGGREGATE public.total(integer) IS 'x'", "COMMENT ON AGGREGATE public.total(integer) IS NULL", COMMENT),
        ],
        drop: "DROP AGGREGATE public.total(integer)",
    },
    Sample {
        kind: ObjectKind::Function,
        identity: "public.middle(double precision, real)",
        create: "CREATE AGGREGATE public.middle(double precision ORDER BY real) (
                     SFUNC = ordered_set_transition, STYPE = internal, FINALFUNC = percentile_disc_final, FINALFUNC_EXTRA)",
        changes: &[(
            "ALTER AGGREGATE public.middle(double precision ORDER BY real) OWNER TO $app",
            "ALTER AGGREGATE public.middle(double precision ORDER BY real) OWNER TO postgres",
            OWNER,
        )],
        drop: "DROP AGGREGATE public.middle(double precision ORDER BY real)",
    },
    Sample {
        kind: ObjectKind::Sequence,
        identity: "public.numbers",
        create: "CREATE SEQUENCE public.numbers",
        changes: &[
            ("ALTER SEQUENCE public.numbers INCREMENT 2", "ALTER SEQUENCE public.numbers INCREMENT 1", "increment"),
            ("ALTER SEQUENCE public.numbers START 2", "ALTER SEQUENCE public.numbers START 1", "start"),
            ("ALTER SEQUENCE public.numbers AS smallint", "ALTER SEQUENCE public.numbers AS bigint", "type"),
            ("ALTER SEQUENCE public.numbers MAXVALUE 9", "ALTER SEQUENCE public.numbers NO MAXVALUE", "max"),
            ("ALTER SEQUENCE public.numbers MINVALUE -9", "ALTER SEQUENCE public.numbers NO MINVALUE", "min"),
            ("ALTER SEQUENCE public.numbers CACHE 9", "ALTER SEQUENCE public.numbers CACHE 1", "cache"),
            ("ALTER SEQUENCE public.numbers CYCLE", "ALTER SEQUENCE public.numbers NO CYCLE", "cycle"),
            ("ALTER SEQUENCE public.numbers SET UNLOGGED", "ALTER SEQUENCE public.numbers SET LOGGED", "persistence"),
            ("ALTER SEQUENCE public.numbers OWNED BY public.ground.id", "ALTER SEQUENCE public.numbers OWNED BY NONE", "owned by"),
            ("ALTER SEQUENCE public.numbers OWNER TO $app", "ALTER SEQUENCE public.numbers OWNER TO postgres", OWNER),
            ("GRANT USAGE ON SEQUENCE public.numbers TO $app", "REVOKE USAGE ON SEQUENCE public.numbers FROM $app", ACL),
        ],
        drop: "DROP SEQUENCE public.numbers",
    },
    Sample {
        kind: ObjectKind::Table,
        identity: "public.orders",
        create: "CREATE TABLE public.orders (id integer, total integer)",
        changes: &[
            ("ALTER TABLE public.orders SET UNLOGGED", "ALTER TABLE public.orders SET LOGGED", "persistence"),
            ("ALTER TABLE public.orders SET (fillfactor = 70)", "ALTER TABLE public.orders RESET (fillfactor)", "options"),
            (
                "ALTER TABLE public.orders ADD COLUMN b text; ALTER TABLE public.orders SET (toast.autovacuum_enabled = off)",
                "ALTER TABLE public.orders RESET (toast.autovacuum_enabled); ALTER TABLE public.orders DROP COLUMN b",
                "toast options",
            ),
            ("ALTER TABLE public.orders ENABLE ROW LEVEL SECURITY", "ALTER TABLE public.orders DISABLE ROW LEVEL SECURITY", "row security"),
            ("ALTER TABLE public.orders FORCE ROW LEVEL SECURITY", "ALTER TABLE public.orders NO FORCE ROW LEVEL SECURITY", "force row security"),
            ("ALTER TABLE public.orders REPLICA IDENTITY FULL", "ALTER TABLE public.orders REPLICA IDENTITY DEFAULT", "replica identity"),
            (
                "CREATE TABLE public.elder (); ALTER TABLE public.orders INHERIT public.elder",
                "ALTER TABLE public.orders NO INHERIT public.elder; DROP TABLE public.elder",
                "inherits",
            ),
            (
                "CREATE TYPE public.shape AS (id integer, total integer); ALTER TABLE public.orders OF public.shape",
                "ALTER TABLE public.orders NOT OF; DROP TYPE public.shape",
                "of type",
            ),
            (
                "CREATE ACCESS METHOD heap2 TYPE TABLE HANDLER heap_tableam_handler; ALTER TABLE public.orders SET ACCESS METHOD heap2",
                "ALTER TABLE public.orders SET ACCESS METHOD heap; DROP ACCESS METHOD heap2",
                "access method",
            ),
            ("ALTER TABLE public.orders OWNER TO $app", "ALTER TABLE public.orders OWNER TO postgres", OWNER),
            ("GRANT SELECT, UPDATE ON public.orders TO $app", "REVOKE ALL ON public.orders FROM $app", ACL),
            ("REVOKE TRIGGER ON public.orders FROM postgres", "GRANT TRIGGER ON public.orders TO postgres", ACL),
            ("COMMENT ON TABLE public.orders IS 'x'", "COMMENT ON TABLE public.orders IS NULL", COMMENT),
            ("GRANT USAGE ON TYPE public.orders TO $app", "REVOKE USAGE ON TYPE public.orders FROM $app", "row type acl"),
        ],
        drop: "DROP TABLE public.orders",
    },
    Sample {
        kind: ObjectKind::Table,
        identity: "public.parted_2026",
        create: "CREATE TABLE public.parted_2026 PARTITION OF public.parted FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
        changes: &[
            (
                "ALTER TABLE public.parted DETACH PARTITION public.parted_2026;
                 ALTER TABLE public.parted ATTACH PARTITION public.parted_2026 FOR VALUES FROM ('2026-02-01') TO ('2027-01-01')",
                "ALTER TABLE public.parted DETACH PARTITION public.parted_2026;
                 ALTER TABLE public.parted ATTACH PARTITION public.parted_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
                "partition bound",
            ),
            (
                "ALTER TABLE public.parted DETACH PARTITION public.parted_2026",
                "ALTER TABLE public.parted ATTACH PARTITION public.parted_2026 FOR VALUES FROM ('2026-01-01') TO ('2027-01-01')",
                "partition of",
            ),
        ],
        drop: "DROP TABLE public.parted_2026",
    },
    Sample {
        kind: ObjectKind::Table,
        identity: "public.hashed",
        create: "CREATE TABLE public.hashed (a integer, b integer) PARTITION BY HASH (a)",
        changes: &[(
            "DROP TABLE public.hashed; CREATE TABLE public.hashed (a integer, b integer) PARTITION BY HASH (b)",
            "DROP TABLE public.hashed; CREATE TABLE public.hashed (a integer, b integer) PARTITION BY HASH (a)",
            "partitioned by",
        )],
        drop: "DROP TABLE public.hashed",
    },
    Sample {
        kind: ObjectKind::ForeignTable,
        identity: "public.far",
        create: "CREATE FOREIGN TABLE public.far (id integer OPTIONS (column_name 'i')) SERVER ground_server OPTIONS (path 'x')",
        changes: &[
            (
                "ALTER FOREIGN TABLE public.far OPTIONS (SET path 'y')",
                "ALTER FOREIGN TABLE public.far OPTIONS (SET path 'x')",
                "foreign options",
            ),
            ("ALTER FOREIGN TABLE public.far OWNER TO $app", "ALTER FOREIGN TABLE public.far OWNER TO postgres", OWNER),
            ("GRANT SELECT ON public.far TO $app", "REVOKE SELECT ON public.far FROM $app", ACL),
        ],
        drop: "DROP FOREIGN TABLE public.far",
    },
    Sample {
        kind: ObjectKind::View,
        identity: "public.names",
        create: "CREATE VIEW public.names AS SELECT id, name FROM public.ground",
        changes: &[
            (
                "CREATE OR REPLACE VIEW public.names AS SELECT id, name FROM public.ground WHERE id > 0",
                "CREATE OR REPLACE VIEW public.names AS SELECT id, name FROM public.ground",
                "definition",
            ),
            ("ALTER VIEW public.names SET (security_barrier = true)", "ALTER VIEW public.names RESET (security_barrier)", "options"),
            ("ALTER VIEW public.names SET (check_option = local)", "ALTER VIEW public.names RESET (check_option)", "options"),
            ("ALTER VIEW public.names OWNER TO $app", "ALTER VIEW public.names OWNER TO postgres", OWNER),
            ("GRANT SELECT ON public.names TO $app", "REVOKE SELECT ON public.names FROM $app", ACL),
            ("COMMENT ON VIEW public.names IS 'x'", "COMMENT ON VIEW public.names IS NULL", COMMENT),
        ],
        drop: "DROP VIEW public.names",
    },
    Sample {
        kind: ObjectKind::MaterializedView,
        identity: "public.kept",
        create: "CREATE MATERIALIZED VIEW public.kept AS SELECT id, name FROM public.ground",
        changes: &[
            (
                "ALTER MATERIALIZED VIEW public.kept SET (fillfactor = 70)",
                "ALTER MATERIALIZED VIEW public.kept RESET (fillfactor)",
                "options",
            ),
            (
                "DROP MATERIALIZED VIEW public.kept;
                 CREATE MATERIALIZED VIEW public.kept AS SELECT id, upper(name) AS name FROM public.ground",
                "DROP MATERIALIZED VIEW public.kept;
                 CREATE MATERIALIZED VIEW public.kept AS SELECT id, name FROM public.ground",
                "definition",
            ),
            (
                "ALTER MATERIALIZED VIEW public.kept DEPENDS ON EXTENSION citext",
                "ALTER MATERIALIZED VIEW public.kept NO DEPENDS ON EXTENSION citext",
                "depends on extensions",
            ),
        ],
        drop: "DROP MATERIALIZED VIEW public.kept",
    },
    Sample {
        kind: ObjectKind::Column,
        identity: "public.ground.\"Extra\"",
        create: r#"ALTER TABLE public.ground ADD COLUMN "Extra" varchar(10)"#,
        changes: &[
            (
                r#"ALTER TABLE public.ground ALTER "Extra" TYPE varchar(20)"#,
                r#"ALTER TABLE public.ground ALTER "Extra" TYPE varchar(10)"#,
                "type",
            ),
            (
                r#"ALTER TABLE public.ground ALTER "Extra" TYPE varchar(10) COLLATE "C""#,
                r#"ALTER TABLE public.ground ALTER "Extra" TYPE varchar(10)"#,
                "collation",
            ),
            (
                r#"ALTER TABLE public.ground ALTER "Extra" SET NOT NULL"#,
                r#"ALTER TABLE public.ground ALTER "Extra" DROP NOT NULL"#,
                "not null",
            ),
            (
                r#"ALTER TABLE public.ground ALTER "Extra" SET DEFAULT 'a'"#,
                r#"ALTER TABLE public.ground ALTER "Extra" DROP DEFAULT"#,
                "default",
            ),
            (
                r#"ALTER TABLE public.ground ALTER "Extra" SET STORAGE external"#,
                r#"ALTER TABLE public.ground ALTER "Extra" SET STORAGE extended"#,
                "storage",
            ),
            (
                r#"ALTER TABLE public.ground ALTER "Extra" SET COMPRESSION pglz"#,
                r#"ALTER TABLE public.ground ALTER "Extra" SET COMPRESSION default"#,
                "compression",
            ),
            (
                r#"ALTER TABLE public.ground ALTER "Extra" SET STATISTICS 5"#,
                r#"ALTER TABLE public.ground ALTER "Extra" SET STATISTICS -1"#,
                "statistics target",
            ),
            (
                r#"ALTER TABLE public.ground ALTER "Extra" SET (n_distinct = 5)"#,
                r#"ALTER TABLE public.ground ALTER "Extra" RESET (n_distinct)"#,
                "options",
            ),
            (
                r#"GRANT SELECT ("Extra") ON public.ground TO $app"#,
                r#"REVOKE SELECT ("Extra") ON public.ground FROM $app"#,
                ACL,
            ),
            (
                r#"COMMENT ON COLUMN public.ground."Extra" IS 'x'"#,
                r#"COMMENT ON COLUMN public.ground."Extra" IS NULL"#,
                COMMENT,
            ),
            (
                r#"ALTER TABLE public.ground DROP COLUMN "Extra"; ALTER TABLE public.ground ADD COLUMN "Extra" varchar(10) GENERATED ALWAYS AS ('a') STORED"#,
                r#"ALTER TABLE public.ground ALTER "Extra" DROP EXPRESSION"#,
                "generated",
            ),
        ],
        drop: r#"ALTER TABLE public.ground DROP COLUMN "Extra""#,
    },
    Sample {
        kind: ObjectKind::Column,
        identity: "public.seen.id",
        create: "CREATE VIEW public.seen AS SELECT id FROM public.ground",
        changes: &[
            ("ALTER VIEW public.seen ALTER id SET DEFAULT 5", "ALTER VIEW public.seen ALTER id DROP DEFAULT", "default"),
            ("GRANT UPDATE (id) ON public.seen TO $app", "REVOKE UPDATE (id) ON public.seen FROM $app", ACL),
            ("COMMENT ON COLUMN public.seen.id IS 'x'", "COMMENT ON COLUMN public.seen.id IS NULL", COMMENT),
        ],
        drop: "DROP VIEW public.seen",
    },
    Sample {
        kind: ObjectKind::Column,
        identity: "public.far2.a",
        create: "CREATE FOREIGN TABLE public.far2 (a integer OPTIONS (column_name 'o')) SERVER ground_server",
        changes: &[(
            "ALTER FOREIGN TABLE public.far2 ALTER a OPTIONS (SET column_name 'p')",
            "ALTER FOREIGN TABLE public.far2 ALTER a OPTIONS (SET column_name 'o')",
            "foreign options",
        )],
        drop: "DROP FOREIGN TABLE public.far2",
    },
    Sample {
        kind: ObjectKind::Column,
        identity: "public.counted.id",
        create: "CREATE TABLE public.counted (id integer GENERATED ALWAYS AS IDENTITY, a integer)",
        changes: &[(
            "ALTER TABLE public.counted ALTER id SET GENERATED BY DEFAULT",
            "ALTER TABLE public.counted ALTER id SET GENERATED ALWAYS",
            "identity",
        )],
        drop: "DROP TABLE public.counted",
    },
    Sample {
        kind: ObjectKind::Sequence,
        identity: "public.counted2_id_seq",
        create: "CREATE TABLE public.counted2 (id integer GENERATED ALWAYS AS IDENTITY, a integer)",
        changes: &[
            (
                "ALTER TABLE public.counted2 ALTER id SET INCREMENT 5",
                "ALTER TABLE public.counted2 ALTER id SET INCREMENT 1",
                "increment",
            ),
            (
                "GRANT SELECT ON SEQUENCE public.counted2_id_seq TO $app",
                "REVOKE SELECT ON SEQUENCE public.counted2_id_seq FROM $app",
                ACL,
            ),
        ],
        drop: "DROP TABLE public.counted2",
    },
    Sample {
        kind: ObjectKind::Constraint,
        identity: "positive on public.ground",
        create: "ALTER TABLE public.ground ADD CONSTRAINT positive CHECK (id > 0)",
        changes: &[
            (
                "ALTER TABLE public.ground DROP CONSTRAINT positive; ALTER TABLE public.ground ADD CONSTRAINT positive CHECK (id > 1)",
                "ALTER TABLE public.ground DROP CONSTRAINT positive; ALTER TABLE public.ground ADD CONSTRAINT positive CHECK (id > 0)",
                "definition",
            ),
            (
                "ALTER TABLE public.ground DROP CONSTRAINT positive;
                 ALTER TABLE public.ground ADD CONSTRAINT positive CHECK (id > 0) NOT VALID",
                "ALTER TABLE public.ground VALIDATE CONSTRAINT positive",
                "validated",
            ),
            (
                "COMMENT ON CONSTRAINT positive ON public.ground IS 'x'",
                "COMMENT ON CONSTRAINT positive ON public.ground IS NULL",
                COMMENT,
            ),
        ],
        drop: "ALTER TABLE public.ground DROP CONSTRAINT positive",
    },
    Sample {
        kind: ObjectKind::Constraint,
        identity: "sole on public.uniq",
        create: "CREATE TABLE public.uniq (a integer NOT NULL, b integer); ALTER TABLE public.uniq ADD CONSTRAINT sole UNIQUE (a)",
        changes: &[
            (
                "ALTER TABLE public.uniq DROP CONSTRAINT sole; ALTER TABLE public.uniq ADD CONSTRAINT sole UNIQUE (a) INCLUDE (b)",
                "ALTER TABLE public.uniq DROP CONSTRAINT sole; ALTER TABLE public.uniq ADD CONSTRAINT sole UNIQUE (a)",
                "definition",
            ),
            (
                "ALTER TABLE public.uniq DROP CONSTRAINT sole; ALTER TABLE public.uniq ADD CONSTRAINT sole UNIQUE (a) DEFERRABLE",
                "ALTER TABLE public.uniq DROP CONSTRAINT sole; ALTER TABLE public.uniq ADD CONSTRAINT sole UNIQUE (a)",
                "deferrable",
            ),
            ("ALTER INDEX public.sole SET (fillfactor = 70)", "ALTER INDEX public.sole RESET (fillfactor)", "index options"),
            ("ALTER TABLE public.uniq CLUSTER ON sole", "ALTER TABLE public.uniq SET WITHOUT CLUSTER", "clustered"),
            (
                "ALTER TABLE public.uniq REPLICA IDENTITY USING INDEX sole",
                "ALTER TABLE public.uniq REPLICA IDENTITY DEFAULT",
                "replica identity",
            ),
            ("COMMENT ON INDEX public.sole IS 'x'", "COMMENT ON INDEX public.sole IS NULL", "index comment"),
        ],
        drop: "DROP TABLE public.uniq",
    },
    Sample {
        kind: ObjectKind::Constraint,
        identity: "up on public.child",
        create: "CREATE TABLE public.child (id integer); ALTER TABLE public.child ADD CONSTRAINT up FOREIGN KEY (id) REFERENCES public.ground",
        changes: &[
            (
                "ALTER TABLE public.child ALTER CONSTRAINT up DEFERRABLE INITIALLY DEFERRED",
                "ALTER TABLE public.child ALTER CONSTRAINT up NOT DEFERRABLE",
                "deferrable",
            ),
            (
                "ALTER TABLE public.child DISABLE TRIGGER ALL",
                "ALTER TABLE public.child ENABLE TRIGGER ALL",
                "triggers not enabled",
            ),
            (
                "ALTER TABLE public.child DROP CONSTRAINT up;
                 ALTER TABLE public.child ADD CONSTRAINT up FOREIGN KEY (id) REFERENCES public.ground ON DELETE CASCADE",
                "ALTER TABLE public.child DROP CONSTRAINT up;
                 ALTER TABLE public.child ADD CONSTRAINT up FOREIGN KEY (id) REFERENCES public.ground",
                "definition",
            ),
        ],
        drop: "DROP TABLE public.child",
    },
    Sample {
        kind: ObjectKind::Constraint,
        identity: "apart on public.booked",
        create: "CREATE TABLE public.booked (during tsrange); ALTER TABLE public.booked ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&)",
        changes: &[(
            "ALTER TABLE public.booked DROP CONSTRAINT apart;
             ALTER TABLE public.booked ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&) WHERE (NOT isempty(during))",
            "ALTER TABLE public.booked DROP CONSTRAINT apart;
             ALTER TABLE public.booked ADD CONSTRAINT apart EXCLUDE USING gist (during WITH &&)",
            "definition",
        )],
        drop: "DROP TABLE public.booked",
    },
    Sample {
        kind: ObjectKind::Index,
        identity: "public.by_name",
        create: "CREATE INDEX by_name ON public.ground (lower(name)) WHERE id > 0",
        changes: &[
            (
                "DROP INDEX public.by_name; CREATE INDEX by_name ON public.ground (lower(name))",
                "DROP INDEX public.by_name; CREATE INDEX by_name ON public.ground (lower(name)) WHERE id > 0",
                "definition",
            ),
            (
                "UPDATE pg_index SET indisvalid = false WHERE indexrelid = 'public.by_name'::regclass",
                "UPDATE pg_index SET indisvalid = true WHERE indexrelid = 'public.by_name'::regclass",
                "valid",
            ),
            (
                "ALTER INDEX public.by_name ALTER COLUMN 1 SET STATISTICS 5",
                "ALTER INDEX public.by_name ALTER COLUMN 1 SET STATISTICS -1",
                "statistics targets",
            ),
            (
                "DROP INDEX public.by_name; CREATE INDEX by_name ON public.ground (lower(name)) WHERE id > 0; ALTER INDEX public.by_name SET (fillfactor = 50)",
                "ALTER INDEX public.by_name RESET (fillfactor)",
                "index options",
            ),
            (
                "ALTER INDEX public.by_name DEPENDS ON EXTENSION citext",
                "ALTER INDEX public.by_name NO DEPENDS ON EXTENSION citext",
                "depends on extensions",
            ),
            ("COMMENT ON INDEX public.by_name IS 'x'", "COMMENT ON INDEX public.by_name IS NULL", COMMENT),
        ],
        drop: "DROP INDEX public.by_name",
    },
    Sample {
        kind: ObjectKind::Statistics,
        identity: "public.together",
        create: "CREATE STATISTICS public.together (dependencies) ON id, name FROM public.ground",
        changes: &[
            (
                "ALTER STATISTICS public.together SET STATISTICS 5",
                "ALTER STATISTICS public.together SET STATISTICS -1",
                "statistics target",
            ),
            (
                "DROP STATISTICS public.together; CREATE STATISTICS public.together ON id, name FROM public.ground",
                "DROP STATISTICS public.together; CREATE STATISTICS public.together (dependencies) ON id, name FROM public.ground",
                "definition",
            ),
            ("ALTER STATISTICS public.together OWNER TO $app", "ALTER STATISTICS public.together OWNER TO postgres", OWNER),
        ],
        drop: "DROP STATISTICS public.together",
    },
    Sample {
        kind: ObjectKind::Trigger,
        identity: "stamp on public.ground",
        create: "CREATE TRIGGER stamp BEFORE UPDATE ON public.ground FOR EACH ROW EXECUTE FUNCTION public.stamp()",
        changes: &[
            ("ALTER TABLE public.ground DISABLE TRIGGER stamp", "ALTER TABLE public.ground ENABLE TRIGGER stamp", "enabled"),
            (
                "ALTER TABLE public.ground ENABLE ALWAYS TRIGGER stamp",
                "ALTER TABLE public.ground ENABLE TRIGGER stamp",
                "enabled",
            ),
            (
                "CREATE OR REPLACE TRIGGER stamp BEFORE UPDATE OF name ON public.ground FOR EACH ROW EXECUTE FUNCTION public.stamp()",
                "CREATE OR REPLACE TRIGGER stamp BEFORE UPDATE ON public.ground FOR EACH ROW EXECUTE FUNCTION public.stamp()",
                "definition",
            ),
            (
                "ALTER TRIGGER stamp ON public.ground DEPENDS ON EXTENSION citext",
                "ALTER TRIGGER stamp ON public.ground NO DEPENDS ON EXTENSION citext",
                "depends on extensions",
            ),
            ("COMMENT ON TRIGGER stamp ON public.ground IS 'x'", "COMMENT ON TRIGGER stamp ON public.ground IS NULL", COMMENT),
        ],
        drop: "DROP TRIGGER stamp ON public.ground",
    },
    Sample {
        kind: ObjectKind::Rule,
        identity: "quiet on public.ground",
        create: "CREATE RULE quiet AS ON DELETE TO public.ground DO INSTEAD NOTHING",
        changes: &[
            ("ALTER TABLE public.ground DISABLE RULE quiet", "ALTER TABLE public.ground ENABLE RULE quiet", "enabled"),
            (
                "CREATE OR REPLACE RULE quiet AS ON DELETE TO public.ground DO ALSO NOTIFY x",
                "CREATE OR REPLACE RULE quiet AS ON DELETE TO public.ground DO INSTEAD NOTHING",
                "definition",
            ),
            ("COMMENT ON RULE quiet ON public.ground IS 'x'", "COMMENT ON RULE quiet ON public.ground IS NULL", COMMENT),
        ],
        drop: "DROP RULE quiet ON public.ground",
    },
    Sample {
        kind: ObjectKind::Policy,
        identity: "own on public.ground",
        create: "CREATE POLICY own ON public.ground FOR SELECT TO PUBLIC USING (id > 0)",
        changes: &[
            ("ALTER POLICY own ON public.ground TO $app, $other", "ALTER POLICY own ON public.ground TO PUBLIC", "roles"),
            ("ALTER POLICY own ON public.ground USING (id > 1)", "ALTER POLICY own ON public.ground USING (id > 0)", "using"),
            (
                "DROP POLICY own ON public.ground; CREATE POLICY own ON public.ground AS RESTRICTIVE FOR ALL USING (id > 0) WITH CHECK (true)",
                "DROP POLICY own ON public.ground; CREATE POLICY own ON public.ground FOR SELECT TO PUBLIC USING (id > 0)",
                "with check",
            ),
            ("COMMENT ON POLICY own ON public.ground IS 'x'", "COMMENT ON POLICY own ON public.ground IS NULL", COMMENT),
        ],
        drop: "DROP POLICY own ON public.ground",
    },
    Sample {
        kind: ObjectKind::EventTrigger,
        identity: "watcher",
        create: "CREATE EVENT TRIGGER watcher ON ddl_command_end WHEN TAG IN ('CREATE SUBSCRIPTION', 'ALTER SUBSCRIPTION') EXECUTE FUNCTION public.watch()",
        changes: &[
            ("ALTER EVENT TRIGGER watcher DISABLE", "ALTER EVENT TRIGGER watcher ENABLE", "enabled"),
            (
                "DROP EVENT TRIGGER watcher; CREATE EVENT TRIGGER watcher ON ddl_command_end EXECUTE FUNCTION public.watch()",
                "DROP EVENT TRIGGER watcher; CREATE EVENT TRIGGER watcher ON ddl_command_end
                     WHEN TAG IN ('ALTER SUBSCRIPTION', 'CREATE SUBSCRIPTION') EXECUTE FUNCTION public.watch()",
                "tags",
            ),
            ("COMMENT ON EVENT TRIGGER watcher IS 'x'", "COMMENT ON EVENT TRIGGER watcher IS NULL", COMMENT),
        ],
        drop: "DROP EVENT TRIGGER watcher",
    },
    Sample {
        kind: ObjectKind::Cast,
        identity: "(bigint as public.pair)",
        create: "CREATE FUNCTION public.to_pair(bigint) RETURNS public.pair LANGUAGE sql AS 'SELECT NULL::public.pair';
                 CREATE CAST (bigint AS public.pair) WITH FUNCTION public.to_pair(bigint)",
        changes: &[
            (
                "DROP CAST (bigint AS public.pair); CREATE CAST (bigint AS public.pair) WITH FUNCTION public.to_pair(bigint) AS ASSIGNMENT",
                "DROP CAST (bigint AS public.pair); CREATE CAST (bigint AS public.pair) WITH FUNCTION public.to_pair(bigint)",
                "context",
            ),
            (
                "DROP CAST (bigint AS public.pair); CREATE CAST (bigint AS public.pair) WITH INOUT",
                "DROP CAST (bigint AS public.pair); CREATE CAST (bigint AS public.pair) WITH FUNCTION public.to_pair(bigint)",
                "method",
            ),
            ("COMMENT ON CAST (bigint AS public.pair) IS 'x'", "COMMENT ON CAST (bigint AS public.pair) IS NULL", COMMENT),
        ],
        drop: "DROP FUNCTION public.to_pair CASCADE",
    },
    Sample {
        kind: ObjectKind::Operator,
        identity: "public.=== (integer, text)",
        create: "CREATE OPERATOR public.=== (FUNCTION = public.same, LEFTARG = integer, RIGHTARG = text)",
        changes: &[
            (
                "ALTER OPERATOR public.=== (integer, text) SET (RESTRICT = eqsel, JOIN = eqjoinsel)",
                "ALTER OPERATOR public.=== (integer, text) SET (RESTRICT = NONE, JOIN = NONE)",
                "restrict",
            ),
            (
                "ALTER OPERATOR public.=== (integer, text) OWNER TO $app",
                "ALTER OPERATOR public.=== (integer, text) OWNER TO postgres",
                OWNER,
            ),
            (
                "DROP OPERATOR public.=== (integer, text);
                 CREATE OPERATOR public.=== (FUNCTION = public.same, LEFTARG = text, RIGHTARG = integer);
                 CREATE OPERATOR public.=== (FUNCTION = public.same, LEFTARG = integer, RIGHTARG = text, COMMUTATOR = ===)",
                "DROP OPERATOR public.=== (integer, text), public.=== (text, integer);
                 CREATE OPERATOR public.=== (FUNCTION = public.same, LEFTARG = integer, RIGHTARG = text)",
                "commutator",
            ),
            (
                "COMMENT ON OPERATOR public.=== (integer, text) IS 'x'",
                "COMMENT ON OPERATOR public.=== (integer, text) IS NULL",
                COMMENT,
            ),
        ],
        drop: "DROP OPERATOR public.=== (integer, text)",
    },
    Sample {
        kind: ObjectKind::OperatorClass,
        identity: "public.pair_order using btree",
        create: "CREATE OPERATOR public.<<< (FUNCTION = public.pair_less, LEFTARG = public.pair, RIGHTARG = public.pair);
                 CREATE OPERATOR CLASS public.pair_order FOR TYPE public.pair USING btree AS
                     OPERATOR 1 public.<<<, FUNCTION 1 public.pair_compare(public.pair, public.pair)",
        changes: &[
            (
                "DROP OPERATOR FAMILY public.pair_order USING btree CASCADE;
                 CREATE OPERATOR CLASS public.pair_order DEFAULT FOR TYPE public.pair USING btree AS
                     OPERATOR 1 public.<<<, FUNCTION 1 public.pair_compare(public.pair, public.pair)",
                "DROP OPERATOR FAMILY public.pair_order USING btree CASCADE;
                 CREATE OPERATOR CLASS public.pair_order FOR TYPE public.pair USING btree AS
                     OPERATOR 1 public.<<<, FUNCTION 1 public.pair_compare(public.pair, public.pair)",
                "default",
            ),
            (
                "ALTER OPERATOR CLASS public.pair_order USING btree OWNER TO $app",
                "ALTER OPERATOR CLASS public.pair_order USING btree OWNER TO postgres",
                OWNER,
            ),
            (
                "COMMENT ON OPERATOR CLASS public.pair_order USING btree IS 'x'",
                "COMMENT ON OPERATOR CLASS public.pair_order USING btree IS NULL",
                COMMENT,
            ),
        ],
        drop: "DROP OPERATOR FAMILY public.pair_order USING btree CASCADE; DROP OPERATOR public.<<< (public.pair, public.pair)",
    },
    Sample {
        kind: ObjectKind::OperatorFamily,
        identity: "public.family using btree",
        create: "CREATE OPERATOR FAMILY public.family USING btree",
        changes: &[
            (
                "ALTER OPERATOR FAMILY public.family USING btree ADD OPERATOR 1 < (integer, integer), FUNCTION 1 btint4cmp(integer, integer)",
                "ALTER OPERATOR FAMILY public.family USING btree DROP OPERATOR 1 (integer, integer), FUNCTION 1 (integer, integer)",
                "operators",
            ),
            (
                "COMMENT ON OPERATOR FAMILY public.family USING btree IS 'x'",
                "COMMENT ON OPERATOR FAMILY public.family USING btree IS NULL",
                COMMENT,
            ),
        ],
        drop: "DROP OPERATOR FAMILY public.family USING btree",
    },
    Sample {
        kind: ObjectKind::OperatorFamily,
        identity: "pg_catalog.integer_ops using btree",
        create: "ALTER OPERATOR FAMILY integer_ops USING btree ADD FUNCTION 1 (integer, text) public.compare",
        changes: &[],
        drop: "ALTER OPERATOR FAMILY integer_ops USING btree DROP FUNCTION 1 (integer, text)",
    },
    Sample {
        kind: ObjectKind::Conversion,
        identity: "public.turned",
        create: "CREATE CONVERSION public.turned FOR 'LATIN2' TO 'WIN1250' FROM public.convert",
        changes: &[
            ("ALTER CONVERSION public.turned OWNER TO $app", "ALTER CONVERSION public.turned OWNER TO postgres", OWNER),
            ("COMMENT ON CONVERSION public.turned IS 'x'", "COMMENT ON CONVERSION public.turned IS NULL", COMMENT),
        ],
        drop: "DROP CONVERSION public.turned",
    },
    Sample {
        kind: ObjectKind::Transform,
        identity: "for public.pair language plpgsql",
        create: "CREATE TRANSFORM FOR public.pair LANGUAGE plpgsql (FROM SQL WITH FUNCTION public.to_json_of(internal))",
        changes: &[(
            "COMMENT ON TRANSFORM FOR public.pair LANGUAGE plpgsql IS 'x'",
            "COMMENT ON TRANSFORM FOR public.pair LANGUAGE plpgsql IS NULL",
            COMMENT,
        )],
        drop: "DROP TRANSFORM FOR public.pair LANGUAGE plpgsql",
    },
    Sample {
        kind: ObjectKind::AccessMethod,
        identity: "btree2",
        create: "CREATE ACCESS METHOD btree2 TYPE INDEX HANDLER bthandler",
        changes: &[
            ("COMMENT ON ACCESS METHOD btree2 IS 'x'", "COMMENT ON ACCESS METHOD btree2 IS NULL", COMMENT),
            (
                "DROP ACCESS METHOD btree2; CREATE ACCESS METHOD btree2 TYPE INDEX HANDLER hashhandler",
                "DROP ACCESS METHOD btree2; CREATE ACCESS METHOD btree2 TYPE INDEX HANDLER bthandler",
                "handler",
            ),
        ],
        drop: "DROP ACCESS METHOD btree2",
    },
    Sample {
        kind: ObjectKind::TextSearchConfiguration,
        identity: "public.plain_text",
        create: "CREATE TEXT SEARCH CONFIGURATION public.plain_text (PARSER = pg_catalog.default)",
        changes: &[
            (
                "ALTER TEXT SEARCH CONFIGURATION public.plain_text ADD MAPPING FOR word, url WITH english_stem, simple",
                "ALTER TEXT SEARCH CONFIGURATION public.plain_text DROP MAPPING FOR word, url",
                "mappings",
            ),
            (
                "ALTER TEXT SEARCH CONFIGURATION public.plain_text OWNER TO $app",
                "ALTER TEXT SEARCH CONFIGURATION public.plain_text OWNER TO postgres",
                OWNER,
            ),
        ],
        drop: "DROP TEXT SEARCH CONFIGURATION public.plain_text",
    },
    Sample {
        kind: ObjectKind::TextSearchDictionary,
        identity: "public.words",
        create: "CREATE TEXT SEARCH DICTIONARY public.words (TEMPLATE = snowball, language = german)",
        changes: &[
            (
                "ALTER TEXT SEARCH DICTIONARY public.words (language = french)",
                "ALTER TEXT SEARCH DICTIONARY public.words (language = german)",
                "options",
            ),
            ("COMMENT ON TEXT SEARCH DICTIONARY public.words IS 'x'", "COMMENT ON TEXT SEARCH DICTIONARY public.words IS NULL", COMMENT),
        ],
        drop: "DROP TEXT SEARCH DICTIONARY public.words",
    },
    Sample {
        kind: ObjectKind::TextSearchParser,
        identity: "public.reader",
        create: "CREATE TEXT SEARCH PARSER public.reader (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)",
        changes: &[
            ("COMMENT ON TEXT SEARCH PARSER public.reader IS 'x'", "COMMENT ON TEXT SEARCH PARSER public.reader IS NULL", COMMENT),
            (
                "DROP TEXT SEARCH PARSER public.reader; CREATE TEXT SEARCH PARSER public.reader (START = prsd_start,
                     GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype, HEADLINE = prsd_headline)",
                "DROP TEXT SEARCH PARSER public.reader; CREATE TEXT SEARCH PARSER public.reader (START = prsd_start,
                     GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype)",
                "headline",
            ),
        ],
        drop: "DROP TEXT SEARCH PARSER public.reader",
    },
    Sample {
        kind: ObjectKind::TextSearchTemplate,
        identity: "public.pattern",
        create: "CREATE TEXT SEARCH TEMPLATE public.pattern (INIT = dsimple_init, LEXIZE = dsimple_lexize)",
        changes: &[
            ("COMMENT ON TEXT SEARCH TEMPLATE public.pattern IS 'x'", "COMMENT ON TEXT SEARCH TEMPLATE public.pattern IS NULL", COMMENT),
            (
                "DROP TEXT SEARCH TEMPLATE public.pattern; CREATE TEXT SEARCH TEMPLATE public.pattern (LEXIZE = dsimple_lexize)",
                "DROP TEXT SEARCH TEMPLATE public.pattern; CREATE TEXT SEARCH TEMPLATE public.pattern (INIT = dsimple_init, LEXIZE = dsimple_lexize)",
                "init",
            ),
        ],
        drop: "DROP TEXT SEARCH TEMPLATE public.pattern",
    },
    Sample {
        kind: ObjectKind::ForeignDataWrapper,
        identity: "wrapper",
        create: "CREATE FOREIGN DATA WRAPPER wrapper OPTIONS (debug 'on')",
        changes: &[
            (
                "ALTER FOREIGN DATA WRAPPER wrapper OPTIONS (SET debug 'off')",
                "ALTER FOREIGN DATA WRAPPER wrapper OPTIONS (SET debug 'on')",
                "options",
            ),
            (
                "ALTER FOREIGN DATA WRAPPER wrapper VALIDATOR postgresql_fdw_validator",
                "ALTER FOREIGN DATA WRAPPER wrapper NO VALIDATOR",
                "validator",
            ),
            (
                "GRANT USAGE ON FOREIGN DATA WRAPPER wrapper TO $app",
                "REVOKE USAGE ON FOREIGN DATA WRAPPER wrapper FROM $app",
                ACL,
            ),
        ],
        drop: "DROP FOREIGN DATA WRAPPER wrapper",
    },
    Sample {
        kind: ObjectKind::ForeignServer,
        identity: "away",
        create: "CREATE SERVER away TYPE 'a' VERSION '1' FOREIGN DATA WRAPPER ground_wrapper OPTIONS (host 'h')",
        changes: &[
            ("ALTER SERVER away VERSION '2'", "ALTER SERVER away VERSION '1'", "version"),
            ("ALTER SERVER away OPTIONS (SET host 'i')", "ALTER SERVER away OPTIONS (SET host 'h')", "options"),
            ("ALTER SERVER away OPTIONS (ADD password 'hush')", "ALTER SERVER away OPTIONS (DROP password)", "options"),
            ("GRANT USAGE ON FOREIGN SERVER away TO $app", "REVOKE USAGE ON FOREIGN SERVER away FROM $app", ACL),
            ("COMMENT ON SERVER away IS 'x'", "COMMENT ON SERVER away IS NULL", COMMENT),
        ],
        drop: "DROP SERVER away",
    },
    Sample {
        kind: ObjectKind::UserMapping,
        identity: "for PUBLIC at server ground_server",
        create: "CREATE USER MAPPING FOR PUBLIC SERVER ground_server OPTIONS (password 'hush')",
        changes: &[],
        drop: "DROP USER MAPPING FOR PUBLIC SERVER ground_server",
    },
    Sample {
        kind: ObjectKind::Publication,
        identity: "news",
        create: "CREATE PUBLICATION news FOR TABLE public.ground",
        changes: &[
            (
                "ALTER PUBLICATION news SET TABLE public.ground (id, name) WHERE (id > 0)",
                "ALTER PUBLICATION news SET TABLE public.ground",
                "tables",
            ),
            ("ALTER PUBLICATION news ADD TABLES IN SCHEMA other", "ALTER PUBLICATION news DROP TABLES IN SCHEMA other", "schemas"),
            (
                "ALTER PUBLICATION news SET (publish = 'insert')",
                "ALTER PUBLICATION news SET (publish = 'insert, update, delete, truncate')",
                "delete",
            ),
            (
                "ALTER PUBLICATION news SET (publish_via_partition_root = true)",
                "ALTER PUBLICATION news SET (publish_via_partition_root = false)",
                "via root",
            ),
            ("COMMENT ON PUBLICATION news IS 'x'", "COMMENT ON PUBLICATION news IS NULL", COMMENT),
        ],
        drop: "DROP PUBLICATION news",
    },
    Sample {
        kind: ObjectKind::Subscription,
        identity: "feed",
        create: "CREATE SUBSCRIPTION feed CONNECTION 'host=nowhere password=hush' PUBLICATION news WITH (connect = false)",
        changes: &[
            (
                "ALTER SUBSCRIPTION feed SET PUBLICATION news, more WITH (refresh = false)",
                "ALTER SUBSCRIPTION feed SET PUBLICATION news WITH (refresh = false)",
                "publications",
            ),
            ("ALTER SUBSCRIPTION feed SET (slot_name = NONE)", "ALTER SUBSCRIPTION feed SET (slot_name = feed)", "slot"),
            ("ALTER SUBSCRIPTION feed SET (binary = true)", "ALTER SUBSCRIPTION feed SET (binary = false)", "binary"),
            ("COMMENT ON SUBSCRIPTION feed IS 'x'", "COMMENT ON SUBSCRIPTION feed IS NULL", COMMENT),
        ],
        drop: "ALTER SUBSCRIPTION feed SET (slot_name = NONE); DROP SUBSCRIPTION feed",
    },
    Sample {
        kind: ObjectKind::DefaultPrivileges,
        identity: "for role postgres in schema other on tables",
        create: "ALTER DEFAULT PRIVILEGES IN SCHEMA other GRANT SELECT ON TABLES TO $app",
        changes: &[(
            "ALTER DEFAULT PRIVILEGES IN SCHEMA other GRANT INSERT ON TABLES TO $app",
            "ALTER DEFAULT PRIVILEGES IN SCHEMA other REVOKE INSERT ON TABLES FROM $app",
            ACL,
        )],
        drop: "ALTER DEFAULT PRIVILEGES IN SCHEMA other REVOKE SELECT ON TABLES FROM $app",
    },
    Sample {
        kind: ObjectKind::DefaultPrivileges,
        identity: "for role postgres on functions",
        create: "ALTER DEFAULT PRIVILEGES REVOKE EXECUTE ON FUNCTIONS FROM PUBLIC",
        changes: &[],
        drop: "ALTER DEFAULT PRIVILEGES GRANT EXECUTE ON FUNCTIONS TO PUBLIC",
    },
];
