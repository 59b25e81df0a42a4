-- Functions, procedures, aggregates, operators, casts, collations, text search: what a schema can hold beside tables.
CREATE FUNCTION overloaded(int) RETURNS int LANGUAGE sql AS 'SELECT 1';
CREATE FUNCTION overloaded(text, VARIADIC int[] DEFAULT '{}') RETURNS TABLE (a int, b text) LANGUAGE sql ROWS 7 COST 50 AS 'SELECT 1, ''x''';
CREATE FUNCTION atomic(a int, b int DEFAULT 2) RETURNS int LANGUAGE sql STABLE PARALLEL SAFE BEGIN ATOMIC SELECT a + b; SELECT a * b; END;
CREATE FUNCTION quotes() RETURNS text LANGUAGE plpgsql STRICT SET work_mem = '5MB' SET datestyle = 'SQL, DMY' AS
    $body$ DECLARE s text := $$x$$; BEGIN RETURN 'it''s \ ' || $_$ $$ $_$ || s; END $body$;
CREATE FUNCTION polymorphic(anyelement, INOUT anyarray) LANGUAGE sql AS 'SELECT $2 || $1';
CREATE PROCEDURE commits(INOUT n int) LANGUAGE plpgsql AS 'BEGIN COMMIT; n := n + 1; END';
-- Its body names what does not exist.
SET check_function_bodies = off;
CREATE FUNCTION of_nothing() RETURNS int LANGUAGE sql AS 'SELECT x FROM nowhere';
RESET check_function_bodies;
CREATE FUNCTION add_text(text, text) RETURNS text LANGUAGE sql IMMUTABLE AS 'SELECT coalesce($1, '''') || coalesce($2, '''')';
CREATE AGGREGATE joined(text) (sfunc = add_text, stype = text, initcond = '', combinefunc = add_text, parallel = safe);
CREATE AGGREGATE moving(int) (sfunc = int4pl, stype = int, msfunc = int4pl, minvfunc = int4mi, mstype = int, initcond = '0', minitcond = '0');

CREATE TYPE pair AS (a int, b int);
CREATE FUNCTION pair_equal(pair, pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT $1.a = $2.a AND $1.b = $2.b';
CREATE FUNCTION pair_differ(pair, pair) RETURNS boolean LANGUAGE sql IMMUTABLE AS 'SELECT NOT public.pair_equal($1, $2)';
CREATE OPERATOR === (LEFTARG = pair, RIGHTARG = pair, FUNCTION = pair_equal, COMMUTATOR = ===, NEGATOR = <<>>, RESTRICT = eqsel, JOIN = eqjoinsel);
CREATE OPERATOR <<>> (LEFTARG = pair, RIGHTARG = pair, FUNCTION = pair_differ, COMMUTATOR = <<>>, NEGATOR = ===);
CREATE FUNCTION negate(pair) RETURNS pair LANGUAGE sql IMMUTABLE AS 'SELECT ROW(-$1.a, -$1.b)::public.pair';
CREATE OPERATOR @- (RIGHTARG = pair, FUNCTION = negate);
CREATE FUNCTION to_pair(int) RETURNS pair LANGUAGE sql IMMUTABLE AS 'SELECT ROW($1, $1)::public.pair';
CREATE CAST (int AS pair) WITH FUNCTION to_pair(int) AS ASSIGNMENT;
CREATE CAST (pair AS text) WITH INOUT AS IMPLICIT;
CREATE TABLE uses_them (p pair, q pair DEFAULT @- ROW(1, 2)::pair, CHECK (p === p));
INSERT INTO uses_them VALUES (ROW(1, 2)), (NULL);
CREATE INDEX ON uses_them ((to_pair((p).a)));

CREATE COLLATION german (provider = icu, locale = 'de-u-co-phonebk');
CREATE COLLATION caseless (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
CREATE COLLATION like_c FROM "C";
CREATE TABLE collated (g text COLLATE german, c text COLLATE caseless UNIQUE, l varchar(20) COLLATE like_c);
INSERT INTO collated VALUES ('Ärger', 'ABC', 'x'), ('Zebra', 'def', 'y');
CREATE INDEX ON collated (g, l COLLATE "POSIX");
CREATE TEXT SEARCH DICTIONARY plain (TEMPLATE = simple, STOPWORDS = english, ACCEPT = false);
CREATE TEXT SEARCH CONFIGURATION searching (COPY = english);
ALTER TEXT SEARCH CONFIGURATION searching ALTER MAPPING FOR asciiword, word WITH plain, english_stem;
CREATE TABLE searched (body text, words tsvector GENERATED ALWAYS AS (to_tsvector('public.searching', body)) STORED);
INSERT INTO searched (body) VALUES ('the running dogs run'), ('nothing');
CREATE INDEX ON searched USING gin (words);
CREATE CONVERSION to_latin FOR 'UTF8' TO 'LATIN1' FROM utf8_to_iso8859_1;
CREATE TYPE span AS RANGE (subtype = date, multirange_type_name = spans);
CREATE TABLE spans_of (s span, m spans);
INSERT INTO spans_of VALUES ('[2026-01-01,2026-02-01)', '{[2026-01-01,2026-02-01)}');
CREATE DOMAIN base_domain AS text COLLATE german DEFAULT 'x' NOT NULL CHECK (VALUE <> 'y');
CREATE DOMAIN on_domain AS base_domain CHECK (length(VALUE) < 10);
CREATE TABLE of_domains (d on_domain, ds on_domain[]);
INSERT INTO of_domains VALUES ('a', '{b,c}');

COMMENT ON FUNCTION overloaded(int) IS 'one of two';
COMMENT ON PROCEDURE commits(int) IS 'commits';
COMMENT ON AGGREGATE joined(text) IS 'joins';
COMMENT ON OPERATOR === (pair, pair) IS 'equal';
COMMENT ON CAST (int AS pair) IS 'cast';
COMMENT ON COLLATION german IS 'phone book';
COMMENT ON TEXT SEARCH CONFIGURATION searching IS 'search';
COMMENT ON TEXT SEARCH DICTIONARY plain IS 'words';
COMMENT ON DOMAIN on_domain IS 'on another';
COMMENT ON TYPE pair IS 'two';
COMMENT ON COLUMN pair.a IS 'the first';
COMMENT ON CONVERSION to_latin IS 'converts';
COMMENT ON SCHEMA public IS 'no longer the standard public schema';
