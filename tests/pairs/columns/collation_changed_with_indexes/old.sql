CREATE TABLE t (id integer PRIMARY KEY, name text COLLATE "C" NOT NULL, other text);
CREATE INDEX t_name ON t (name);
CREATE UNIQUE INDEX t_lower ON t (lower(name));
CREATE VIEW v AS SELECT name FROM t ORDER BY name;
