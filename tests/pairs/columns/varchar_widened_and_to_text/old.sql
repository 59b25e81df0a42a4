CREATE TABLE t (id integer PRIMARY KEY, a varchar(10), b varchar(20) NOT NULL DEFAULT 'x', c numeric(8, 2), d timestamp(3));
CREATE INDEX t_a ON t (a);
CREATE VIEW v AS SELECT a, b FROM t;
