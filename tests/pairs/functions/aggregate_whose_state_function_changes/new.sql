CREATE FUNCTION step(s bigint, n integer) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$ SELECT s + n $$;
CREATE FUNCTION finish(s bigint) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT s::text $$;
CREATE AGGREGATE add_up(integer) (SFUNC = step, STYPE = bigint, FINALFUNC = finish, INITCOND = '1');
CREATE TABLE t (n integer);
CREATE VIEW v AS SELECT add_up(n) AS n FROM t;
