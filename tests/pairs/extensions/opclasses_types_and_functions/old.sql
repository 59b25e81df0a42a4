CREATE EXTENSION pg_trgm;
CREATE TABLE t (id integer PRIMARY KEY, name text, mail text, room integer, during tsrange);
CREATE INDEX t_name ON t USING gin (name gin_trgm_ops);
