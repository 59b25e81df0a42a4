CREATE FUNCTION step(s integer, n integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT s + n $$;
CREATE AGGREGATE add_up(integer) (SFUNC = step, STYPE = integer, INITCOND = '0');
CREATE TABLE t (n integer);
CREATE VIEW v AS SELECT add_up(n) AS n FROM t;
