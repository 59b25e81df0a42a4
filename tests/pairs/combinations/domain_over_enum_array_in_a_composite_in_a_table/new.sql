CREATE TYPE e AS ENUM ('w', 'y', 'x');
CREATE DOMAIN es AS e[] CHECK (cardinality(VALUE) < 9);
CREATE TYPE c AS (list es, one e, more e);
CREATE TABLE t (id integer PRIMARY KEY, c c, cs c[], d es DEFAULT ARRAY['y'::e]);
