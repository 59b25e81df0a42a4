CREATE TYPE e AS ENUM ('b', 'a');
CREATE TYPE e_old AS ENUM ('p', 'q');
CREATE TYPE e_new AS ENUM ('r', 'e');
CREATE TABLE t (id integer PRIMARY KEY, e e, e_old e_old, e_new e_new);
CREATE UNIQUE INDEX t_e ON t (e);
CREATE INDEX t_e_new ON t (e_new DESC);
