CREATE TABLE t (a text, b integer);
CREATE INDEX t_e ON t (lower(a), (b % 10));
