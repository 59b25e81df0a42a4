CREATE COLLATION plain (provider = libc, locale = 'POSIX');
CREATE COLLATION numeric_order (provider = icu, locale = 'en-u-kn-true', deterministic = false);
CREATE TABLE t (id integer PRIMARY KEY, a text COLLATE plain, b text COLLATE numeric_order);
CREATE INDEX t_a ON t (a);
CREATE INDEX t_b ON t (b, a COLLATE "C");
