CREATE TABLE t (id integer PRIMARY KEY, a text, b integer);
CREATE VIEW v AS SELECT t.*, t AS whole FROM t;
CREATE VIEW w AS SELECT (whole).a AS a, (whole).b AS b, id FROM v;
