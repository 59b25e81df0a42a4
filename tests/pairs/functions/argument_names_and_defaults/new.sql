CREATE FUNCTION named(first integer, second text DEFAULT 'y') RETURNS text LANGUAGE sql AS $$ SELECT second $$;
CREATE FUNCTION less(a integer, b integer DEFAULT 2) RETURNS integer LANGUAGE sql AS $$ SELECT a + b $$;
CREATE FUNCTION out_named(OUT x integer, OUT z text) LANGUAGE sql AS $$ SELECT 1, 'a'::text $$;
CREATE VIEW uses AS SELECT less(1) AS l, (out_named()).x AS x;
