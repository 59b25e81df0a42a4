-- What only a superuser can make.
CREATE TABLE seen (tag text, n serial);
CREATE FUNCTION watch() RETURNS event_trigger LANGUAGE plpgsql AS
    $$ BEGIN INSERT INTO public.seen (tag) VALUES (TG_TAG); END $$;
CREATE FUNCTION refuse() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no % here', TG_TAG; END $$;
INSERT INTO seen (tag) VALUES ('by hand');

CREATE TYPE whole;
CREATE FUNCTION whole_in(cstring) RETURNS whole LANGUAGE internal IMMUTABLE STRICT AS 'int4in';
CREATE FUNCTION whole_out(whole) RETURNS cstring LANGUAGE internal IMMUTABLE STRICT AS 'int4out';
CREATE TYPE whole (input = whole_in, output = whole_out, like = int4, category = 'N', delimiter = ';');
CREATE TYPE shell;
CREATE FUNCTION whole_less(whole, whole) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4lt';
CREATE FUNCTION whole_equal(whole, whole) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE FUNCTION whole_more(whole, whole) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4gt';
CREATE FUNCTION whole_not_more(whole, whole) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4le';
CREATE FUNCTION whole_not_less(whole, whole) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4ge';
CREATE FUNCTION whole_compare(whole, whole) RETURNS int LANGUAGE internal IMMUTABLE STRICT AS 'btint4cmp';
CREATE OPERATOR < (LEFTARG = whole, RIGHTARG = whole, FUNCTION = whole_less);
CREATE OPERATOR = (LEFTARG = whole, RIGHTARG = whole, FUNCTION = whole_equal, MERGES);
CREATE OPERATOR > (LEFTARG = whole, RIGHTARG = whole, FUNCTION = whole_more);
CREATE OPERATOR <= (LEFTARG = whole, RIGHTARG = whole, FUNCTION = whole_not_more);
CREATE OPERATOR >= (LEFTARG = whole, RIGHTARG = whole, FUNCTION = whole_not_less);
CREATE OPERATOR FAMILY wholes USING btree;
CREATE OPERATOR CLASS whole_class DEFAULT FOR TYPE whole USING btree FAMILY wholes AS
    OPERATOR 1 <, OPERATOR 2 <=, OPERATOR 3 =, OPERATOR 4 >=, OPERATOR 5 >, FUNCTION 1 whole_compare(whole, whole);
CREATE CAST (int AS whole) WITHOUT FUNCTION AS IMPLICIT;
CREATE TABLE of_wholes (w whole PRIMARY KEY, ws whole[]);
INSERT INTO of_wholes SELECT n::whole, ARRAY[n, n + 1]::whole[] FROM generate_series(1, 100) AS n;
CREATE TEXT SEARCH PARSER parsing (START = prsd_start, GETTOKEN = prsd_nexttoken, END = prsd_end, LEXTYPES = prsd_lextype);
CREATE TEXT SEARCH TEMPLATE simply (INIT = dsimple_init, LEXIZE = dsimple_lexize);
CREATE FUNCTION handle() RETURNS language_handler LANGUAGE c AS '$libdir/plpgsql', 'plpgsql_call_handler';
CREATE TRUSTED LANGUAGE another HANDLER handle;
CREATE ACCESS METHOD heap_too TYPE TABLE HANDLER heap_tableam_handler;
CREATE TABLE in_heap_too (n int) USING heap_too;
INSERT INTO in_heap_too VALUES (1);

CREATE EXTENSION citext;
CREATE EXTENSION hstore WITH SCHEMA public VERSION '1.4';
CREATE EXTENSION btree_gist;
CREATE EXTENSION bloom;
CREATE SCHEMA helpers;
CREATE EXTENSION pg_trgm SCHEMA helpers;
CREATE TABLE extended (c citext UNIQUE, h hstore, n int, EXCLUDE USING gist (n WITH =));
INSERT INTO extended VALUES ('Ab', 'a=>1, "b c"=>NULL, "\""=>"\\."', 1), ('cd', '', 2);
CREATE INDEX ON extended USING gin (c helpers.gin_trgm_ops);
CREATE INDEX ON extended USING bloom (n);
-- An object of one's own in an extension's care goes with it; a comment and a grant of one's own stay.
COMMENT ON EXTENSION citext IS 'ours';
REVOKE EXECUTE ON FUNCTION helpers.show_trgm(text) FROM PUBLIC;
CREATE FUNCTION depends() RETURNS int LANGUAGE sql AS 'SELECT 1';
ALTER FUNCTION depends() DEPENDS ON EXTENSION hstore;

CREATE PUBLICATION everything FOR ALL TABLES WITH (publish_via_partition_root = true);
CREATE PUBLICATION whole_schema FOR TABLES IN SCHEMA helpers;
CREATE SUBSCRIPTION from_afar CONNECTION 'host=127.0.0.1 port=1 dbname=x password=hush' PUBLICATION a, b
    WITH (connect = false, slot_name = NONE);

-- Last, as they would write or refuse what comes after.
CREATE EVENT TRIGGER watches ON ddl_command_end WHEN TAG IN ('CREATE TABLE', 'CREATE INDEX', 'ALTER TABLE', 'CREATE VIEW')
    EXECUTE FUNCTION watch();
CREATE EVENT TRIGGER refuses ON ddl_command_start WHEN TAG IN ('CREATE TABLE', 'CREATE INDEX', 'CREATE TRIGGER', 'COMMENT', 'GRANT')
    EXECUTE FUNCTION refuse();
CREATE EVENT TRIGGER sleeps ON sql_drop EXECUTE FUNCTION refuse();
ALTER EVENT TRIGGER sleeps DISABLE;
ALTER EVENT TRIGGER watches ENABLE ALWAYS;
