CREATE TABLE t (id integer PRIMARY KEY, a integer, b text);
CREATE FUNCTION sum_of(x integer) RETURNS bigint LANGUAGE sql STABLE BEGIN ATOMIC SELECT sum(a) FROM t WHERE id > x; END;
CREATE FUNCTION twice(x integer) RETURNS bigint LANGUAGE sql STABLE RETURN sum_of(x) * 2;
CREATE PROCEDURE add_row(n integer) LANGUAGE sql BEGIN ATOMIC INSERT INTO t (id, a) VALUES (n, n); END;
CREATE VIEW v AS SELECT twice(id) AS n FROM t;
