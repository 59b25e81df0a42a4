-- Constraints, among them such that rows could not be loaded under, in any order of tables.
CREATE TABLE a (id int PRIMARY KEY, b int);
CREATE TABLE b (id int PRIMARY KEY, a int NOT NULL REFERENCES a DEFERRABLE INITIALLY DEFERRED);
ALTER TABLE a ADD CONSTRAINT circle FOREIGN KEY (b) REFERENCES b ON UPDATE CASCADE ON DELETE SET NULL;
BEGIN;
INSERT INTO b VALUES (1, 10), (2, 20);
INSERT INTO a VALUES (10, 2), (20, 1), (30, NULL);
COMMIT;
CREATE TABLE to_itself (id int PRIMARY KEY, parent int REFERENCES to_itself DEFERRABLE);
INSERT INTO to_itself VALUES (1, 1), (2, NULL), (3, 2);
UPDATE to_itself SET parent = 3 WHERE id = 2;
CREATE TABLE many_columns (x int, y int, z text, UNIQUE (x, y) INCLUDE (z), UNIQUE NULLS NOT DISTINCT (z, x), UNIQUE (y) DEFERRABLE INITIALLY DEFERRED);
INSERT INTO many_columns VALUES (1, 1, 'a'), (1, 2, 'b'), (NULL, 3, 'b');
CREATE TABLE refers (x int, y int, FOREIGN KEY (x, y) REFERENCES many_columns (x, y) MATCH FULL ON DELETE SET DEFAULT);
INSERT INTO refers VALUES (1, 1), (NULL, NULL);
CREATE TABLE refers_some (x int DEFAULT 1, y int, FOREIGN KEY (x, y) REFERENCES many_columns (x, y) ON DELETE SET NULL (y));
INSERT INTO refers_some VALUES (7, NULL);

CREATE TABLE booked (room int, during int4range, EXCLUDE USING gist (during WITH &&) WHERE (room = 1));
INSERT INTO booked VALUES (1, '[1,3)'), (1, '[3,5)'), (2, '[1,9)');
-- What stands there breaks them, and may.
CREATE TABLE breaks (n int, ref int);
INSERT INTO breaks VALUES (-1, 999), (5, NULL);
ALTER TABLE breaks ADD CONSTRAINT positive CHECK (n > 0) NOT VALID;
ALTER TABLE breaks ADD CONSTRAINT somewhere FOREIGN KEY (ref) REFERENCES a NOT VALID;
CREATE DOMAIN short AS text;
CREATE TABLE of_domain (s short);
INSERT INTO of_domain VALUES ('far too long');
ALTER DOMAIN short ADD CONSTRAINT is_short CHECK (length(VALUE) < 5) NOT VALID;

-- Checks that call functions, whose bodies name things as their author's search_path had them.
CREATE SCHEMA rules;
CREATE FUNCTION rules.is_even(n int) RETURNS boolean LANGUAGE plpgsql IMMUTABLE AS 'BEGIN RETURN n % 2 = 0; END';
CREATE FUNCTION rules.is_good(n int) RETURNS boolean LANGUAGE sql IMMUTABLE SET search_path = rules AS 'SELECT is_even(n)';
CREATE TABLE checked (n int CHECK (rules.is_good(n)), m int CONSTRAINT "odd ""name""" CHECK (m IS NULL OR rules.is_even(m)), CHECK (n <> m));
INSERT INTO checked VALUES (2, 4), (6, NULL);
CREATE TABLE no_inherit (n int, CONSTRAINT only_here CHECK (n > 0) NO INHERIT);
CREATE TABLE inherits () INHERITS (no_inherit);
INSERT INTO inherits VALUES (-1);
CREATE TABLE not_nulls (a int NOT NULL, b text NOT NULL DEFAULT 'x', c int UNIQUE NOT NULL);
INSERT INTO not_nulls VALUES (1, 'y', 2);

-- Indexes of each kind, on expressions, partial, with other classes and orders; one that is no good.
CREATE TABLE indexed (i int NOT NULL, t text, j jsonb, r int4range, p point, v tsvector, a int[]);
INSERT INTO indexed SELECT n, 't' || n, jsonb_build_object('n', n), int4range(n, n + 5), point(n, n), to_tsvector('simple', 'w' || n), ARRAY[n, n + 1] FROM generate_series(1, 500) AS n;
CREATE INDEX ON indexed (lower(t) COLLATE "C" text_pattern_ops DESC NULLS LAST, (i + 1)) INCLUDE (t) WITH (fillfactor = 60) WHERE i > 10;
CREATE INDEX ON indexed USING gin (j jsonb_path_ops);
CREATE INDEX ON indexed USING gin (a, v) WITH (fastupdate = off);
CREATE INDEX ON indexed USING gist (p, r);
CREATE INDEX ON indexed USING spgist (t);
CREATE INDEX ON indexed USING brin (i int4_minmax_multi_ops) WITH (pages_per_range = 4);
CREATE INDEX ON indexed USING hash (t);
CREATE UNIQUE INDEX by_i ON indexed (i);
ALTER TABLE indexed REPLICA IDENTITY USING INDEX by_i;
ALTER TABLE indexed CLUSTER ON by_i;
ALTER TABLE not_nulls REPLICA IDENTITY FULL;
ALTER INDEX by_i SET (fillfactor = 80);
CREATE INDEX on_expression ON indexed ((i * 2));
ALTER INDEX on_expression ALTER COLUMN 1 SET STATISTICS 300;
CREATE STATISTICS together (ndistinct, dependencies, mcv) ON i, t FROM indexed;
CREATE STATISTICS of_expressions ON (i % 7), (lower(t)) FROM indexed;
ALTER STATISTICS together SET STATISTICS 50;
COMMENT ON CONSTRAINT positive ON breaks IS 'not yet';
COMMENT ON INDEX by_i IS 'the first';
COMMENT ON STATISTICS together IS 'both';
COMMENT ON CONSTRAINT is_short ON DOMAIN short IS 'not yet';
