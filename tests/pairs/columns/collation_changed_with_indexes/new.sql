CREATE TABLE t (id integer PRIMARY KEY, name text NOT NULL, other text COLLATE "POSIX");
CREATE INDEX t_name ON t (name);
CREATE UNIQUE INDEX t_lower ON t (lower(name));
CREATE VIEW v AS SELECT name FROM t ORDER BY name;
