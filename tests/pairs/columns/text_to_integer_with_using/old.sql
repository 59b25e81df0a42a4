CREATE TABLE t (id integer PRIMARY KEY, code text NOT NULL DEFAULT '0', flag text, at text);
CREATE UNIQUE INDEX t_code ON t (code);
