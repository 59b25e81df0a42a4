CREATE COLLATION plain (provider = libc, locale = 'C');
CREATE TABLE t (id integer PRIMARY KEY, a text COLLATE plain);
CREATE INDEX t_a ON t (a);
