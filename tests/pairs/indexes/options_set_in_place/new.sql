CREATE TABLE t (a text, b integer, c int[]);
CREATE INDEX t_a ON t (a) WITH (fillfactor = 80);
CREATE INDEX t_c ON t USING gin (c);
