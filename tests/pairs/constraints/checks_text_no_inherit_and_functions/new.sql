CREATE FUNCTION valid(n bigint) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT n > 0 $$;
CREATE TABLE t (n integer CONSTRAINT ok CHECK (valid(n)), m integer CONSTRAINT small CHECK (m < 10), s text CONSTRAINT word CHECK (s IN ('a', 'b', 'c')), CONSTRAINT both_there CHECK (n IS NOT NULL OR m IS NOT NULL));
