CREATE TABLE t (id integer PRIMARY KEY, name ext.citext);
CREATE INDEX t_name ON t USING gin (name ext.gin_trgm_ops);
