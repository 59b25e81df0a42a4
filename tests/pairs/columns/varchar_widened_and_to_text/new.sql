CREATE TABLE t (id integer PRIMARY KEY, a varchar(50), b text NOT NULL DEFAULT 'x', c numeric(12, 2), d timestamp(6));
CREATE INDEX t_a ON t (a);
CREATE VIEW v AS SELECT a, b FROM t;
