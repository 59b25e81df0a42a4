CREATE FUNCTION named(a integer, b text DEFAULT 'x') RETURNS text LANGUAGE sql AS $$ SELECT b $$;
CREATE FUNCTION less(a integer DEFAULT 1, b integer DEFAULT 2) RETURNS integer LANGUAGE sql AS $$ SELECT a + b $$;
CREATE FUNCTION out_named(OUT x integer, OUT y text) LANGUAGE sql AS $$ SELECT 1, 'a'::text $$;
CREATE VIEW uses AS SELECT less() AS l, (out_named()).x AS x;
