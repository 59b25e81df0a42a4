CREATE TYPE e AS ENUM ('x', 'y');
CREATE DOMAIN es AS e[] CHECK (cardinality(VALUE) < 5);
CREATE TYPE c AS (list es, one e);
CREATE TABLE t (id integer PRIMARY KEY, c c, cs c[], d es DEFAULT ARRAY['x'::e]);
