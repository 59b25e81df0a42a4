-- Generated columns, columns that are gone, that came later, and tables with none.
CREATE TABLE generated (
    first int, second text GENERATED ALWAYS AS ('<' || first::text || '>') STORED, third int,
    fourth int GENERATED ALWAYS AS (first + third) STORED);
INSERT INTO generated (first, third) SELECT n, n * n FROM generate_series(1, 20) AS n;
INSERT INTO generated (third) VALUES (NULL);

CREATE TABLE only_generated (answer int GENERATED ALWAYS AS (42) STORED, said text GENERATED ALWAYS AS ('x') STORED);
INSERT INTO only_generated SELECT FROM generate_series(1, 5);

CREATE TABLE no_columns ();
INSERT INTO no_columns SELECT FROM generate_series(1, 4);
CREATE TABLE no_columns_left (a int, b int);
INSERT INTO no_columns_left VALUES (1, 2), (3, 4);
ALTER TABLE no_columns_left DROP COLUMN a, DROP COLUMN b;
CREATE TABLE no_columns_and_no_rows ();

CREATE TABLE dropped (a int, b text, c int DEFAULT 3, d text, e int);
INSERT INTO dropped VALUES (1, 'b', 2, 'd', 4), (5, 'b', 6, NULL, 7);
ALTER TABLE dropped DROP COLUMN b, DROP COLUMN e;
ALTER TABLE dropped ADD COLUMN b numeric DEFAULT 1.5 NOT NULL;
INSERT INTO dropped (a, b) VALUES (8, 9);
ALTER TABLE dropped DROP COLUMN a, ADD COLUMN f int GENERATED ALWAYS AS (c * 2) STORED;

-- Rows from before the column have its default without being written.
CREATE TABLE added_later (id int);
INSERT INTO added_later SELECT generate_series(1, 10);
ALTER TABLE added_later ADD COLUMN fast text DEFAULT 'not written', ADD COLUMN slow double precision DEFAULT random(),
    ADD COLUMN empty text;
INSERT INTO added_later (id) VALUES (11);
ALTER TABLE added_later ALTER fast SET DEFAULT 'another';
INSERT INTO added_later (id) VALUES (12);

-- Whatever the default would be, NULL was stored.
CREATE TABLE nulls (a text DEFAULT 'x', b int DEFAULT 5, c text NOT NULL DEFAULT '');
INSERT INTO nulls VALUES (NULL, NULL, ''), ('', 0, '\N'), ('NULL', NULL, 'null');

CREATE FUNCTION double(n int) RETURNS int LANGUAGE sql IMMUTABLE AS 'SELECT n * 2';
CREATE TABLE generated_by_function (n int, twice int GENERATED ALWAYS AS (double(n)) STORED UNIQUE);
INSERT INTO generated_by_function (n) VALUES (1), (2);

CREATE TABLE stored (a text, b text, c text, d int) WITH (fillfactor = 70, autovacuum_enabled = false);
ALTER TABLE stored ALTER a SET STORAGE EXTERNAL, ALTER b SET STATISTICS 500, ALTER c SET COMPRESSION pglz,
    ALTER d SET (n_distinct = -0.5);
INSERT INTO stored VALUES (repeat('a', 10000), repeat('b', 10000), repeat('c', 10000), 1);
CREATE TABLE typed_of AS SELECT 1 AS a;
CREATE TYPE shape AS (a int, b text);
CREATE TABLE of_type OF shape (PRIMARY KEY (a), b DEFAULT 'b');
INSERT INTO of_type VALUES (1), (2);
INSERT INTO of_type VALUES (3, 'x');
COMMENT ON COLUMN of_type.b IS 'of a type';
CREATE TABLE wide AS SELECT 1 AS c0;
DO $$ BEGIN FOR i IN 1..400 LOOP EXECUTE format('ALTER TABLE wide ADD c%s int DEFAULT %s', i, i); END LOOP; END $$;
INSERT INTO wide (c0) VALUES (2);
