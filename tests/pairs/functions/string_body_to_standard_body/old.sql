CREATE TABLE t (id integer PRIMARY KEY, gone text);
CREATE FUNCTION n() RETURNS bigint LANGUAGE sql STABLE AS $$ SELECT count(gone) FROM t $$;
CREATE VIEW v AS SELECT n() AS n;
