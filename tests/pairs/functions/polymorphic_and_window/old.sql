CREATE FUNCTION first_of(anyarray) RETURNS anyelement LANGUAGE sql IMMUTABLE AS $$ SELECT $1[1] $$;
CREATE TABLE t (a integer[], b integer DEFAULT first_of(ARRAY[1, 2]));
