CREATE FUNCTION same(a integer, b integer) RETURNS boolean LANGUAGE internal IMMUTABLE STRICT AS 'int4eq';
CREATE FUNCTION plain(a integer) RETURNS integer LANGUAGE sql IMMUTABLE AS $$ SELECT a $$;
