CREATE TABLE t (id integer PRIMARY KEY, a text, b text);
CREATE TABLE u (t integer, n integer);
CREATE VIEW v AS SELECT t.id, t.a, t.b, sum(u.n) AS n FROM t JOIN u ON u.t = t.id GROUP BY t.id;
