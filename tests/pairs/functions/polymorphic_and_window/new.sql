CREATE FUNCTION first_of(anycompatiblearray) RETURNS anycompatible LANGUAGE sql IMMUTABLE AS $$ SELECT $1[1] $$;
CREATE TABLE t (a integer[], b integer DEFAULT first_of(ARRAY[2, 3]));
CREATE AGGREGATE longest(text) (SFUNC = text_larger, STYPE = text, COMBINEFUNC = text_larger, PARALLEL = SAFE);
