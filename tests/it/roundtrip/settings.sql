-- How this database writes and reads values is not how others do.
ALTER DATABASE $database SET datestyle = 'SQL, DMY';
ALTER DATABASE $database SET intervalstyle = 'sql_standard';
ALTER DATABASE $database SET timezone = 'Asia/Kolkata';
ALTER DATABASE $database SET bytea_output = 'escape';
ALTER DATABASE $database SET standard_conforming_strings = off;
ALTER DATABASE $database SET backslash_quote = off;
ALTER DATABASE $database SET escape_string_warning = off;
ALTER DATABASE $database SET extra_float_digits = 0;
ALTER DATABASE $database SET lc_monetary = 'C';
ALTER DATABASE $database SET search_path = 'elsewhere', '$user', public;
ALTER DATABASE $database SET default_transaction_isolation = 'serializable';
ALTER DATABASE $database SET default_tablespace = '';
ALTER DATABASE $database SET default_table_access_method = 'heap';
ALTER DATABASE $database SET default_with_oids = off;
ALTER DATABASE $database SET check_function_bodies = on;
ALTER DATABASE $database SET xmloption = 'document';
ALTER DATABASE $database SET xmlbinary = 'hex';
ALTER DATABASE $database SET quote_all_identifiers = on;
ALTER DATABASE $database SET array_nulls = off;
ALTER DATABASE $database SET client_min_messages = 'error';
ALTER DATABASE $database SET statement_timeout = '20ms';
ALTER DATABASE $database SET lock_timeout = '20ms';
ALTER DATABASE $database SET idle_in_transaction_session_timeout = '20ms';
ALTER DATABASE $database SET transform_null_equals = on;
ALTER DATABASE $database SET row_security = off;
ALTER DATABASE $database SET synchronize_seqscans = on;
ALTER DATABASE $database SET application_name = 'it''s, "odd"';
ALTER ROLE $backup IN DATABASE $database SET datestyle = 'German, YMD';
ALTER ROLE $backup IN DATABASE $database SET intervalstyle = 'iso_8601';
ALTER ROLE $backup IN DATABASE $database SET timezone = 'America/St_Johns';
ALTER ROLE $admin IN DATABASE $database SET datestyle = 'Postgres, MDY';
ALTER ROLE $admin IN DATABASE $database SET timezone = 'Pacific/Kiritimati';
ALTER DATABASE $database CONNECTION LIMIT 50;
-- Settings of roles in a database take a right to write roles.
ALTER ROLE $admin CREATEROLE;
COMMENT ON DATABASE $database IS E'it''s \\ a
comment';
GRANT CONNECT ON DATABASE $database TO $app WITH GRANT OPTION;

SET ROLE $migrator;
CREATE TABLE values_of_all (d date, ts timestamp, tz timestamptz, i interval, b bytea, t text, f double precision, r real, m money, a text[]);
INSERT INTO values_of_all VALUES
    ('2026-02-03', '2026-02-03 04:05:06', '2026-02-03 04:05:06+00', '1 year -2 days 03:04:05', '\x5c00ff41', E'back\\slash''s', 0.1::float8 + 0.2, 0.1::real + 0.2, '12.34', ARRAY['NULL', 'null', E'\\']),
    ('2026-12-11', '0044-03-15 12:00 BC', '0044-03-15 12:00+00 BC', '-1 month +2 days', '', E'\\.', 1e-300, 1e-30, '-0.01', ARRAY[NULL]),
    (NULL, NULL, NULL, NULL, NULL, '🐘', NULL, NULL, NULL, NULL),
    ('infinity', 'infinity', '-infinity', '-1 day -00:00:01', NULL, E'\\N', sqrt(2), sqrt(2)::real, NULL, '{}');
CREATE TABLE defaults (
    t text DEFAULT E'back\\slash', d date DEFAULT '2026-02-03', i interval DEFAULT '-1 day +02:00', b bytea DEFAULT '\x5c41',
    ts timestamptz DEFAULT '2026-02-03 04:05:06+00', CHECK (d > '2000-01-02'), CHECK (t <> E'it''s\\'));
INSERT INTO defaults DEFAULT VALUES;
CREATE TABLE parted (at timestamptz) PARTITION BY RANGE (at);
CREATE TABLE parted_1 PARTITION OF parted FOR VALUES FROM ('2026-02-03 00:00+00') TO ('2026-03-04 00:00+00');
INSERT INTO parted VALUES ('2026-02-03 00:00+00'), ('2026-03-03 23:59+00');
CREATE FUNCTION says() RETURNS text LANGUAGE sql AS 'SELECT E''a\\\\b''';
CREATE VIEW shows AS SELECT 'a\b'::text AS t, '2026-02-03'::date AS d, interval '-1 day +02:00' AS i;
CREATE INDEX ON values_of_all (t) WHERE t <> E'a\\b' AND d > '2026-02-03'::date;
COMMENT ON TABLE defaults IS E'a \\ comment''s';
