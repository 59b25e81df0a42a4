CREATE EXTENSION pg_trgm;
CREATE EXTENSION citext;
CREATE EXTENSION btree_gist;
CREATE EXTENSION hstore;
CREATE EXTENSION pgcrypto;
CREATE TABLE t (id integer PRIMARY KEY, name text, mail citext UNIQUE, room integer, during tsrange, more hstore DEFAULT '"a"=>"1"', EXCLUDE USING gist (room WITH =, during WITH &&), CHECK (similarity(name, 'x') >= 0));
CREATE INDEX t_name ON t USING gist (name gist_trgm_ops (siglen = 32));
CREATE VIEW v AS SELECT id, more -> 'a' AS a, digest(name, 'sha256') AS h FROM t;
COMMENT ON EXTENSION hstore IS 'pairs';
