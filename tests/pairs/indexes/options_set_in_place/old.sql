CREATE TABLE t (a text, b integer, c int[]);
CREATE INDEX t_a ON t (a);
CREATE INDEX t_c ON t USING gin (c) WITH (fastupdate = off, gin_pending_list_limit = 128);
