CREATE FUNCTION valid(n integer) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT n > 0 $$;
CREATE TABLE t (n integer CONSTRAINT ok CHECK (valid(n)), m integer CONSTRAINT small CHECK (m < 10) NO INHERIT, s text CONSTRAINT word CHECK (s IN ('a', 'b')));
