CREATE TABLE t (id integer PRIMARY KEY, a text);
CREATE VIEW v AS SELECT t.*, t AS whole FROM t;
CREATE VIEW w AS SELECT (whole).a AS a, id FROM v;
