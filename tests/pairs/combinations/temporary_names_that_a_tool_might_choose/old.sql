CREATE TYPE e AS ENUM ('a', 'b');
CREATE TYPE e_old AS ENUM ('q');
CREATE TYPE e_new AS ENUM ('r');
CREATE TABLE t (id integer PRIMARY KEY, e e, e_old e_old, e_new e_new);
CREATE INDEX t_e ON t (e);
CREATE INDEX t_e_new ON t (e_new);
