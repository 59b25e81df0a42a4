CREATE FUNCTION count_zz() RETURNS bigint LANGUAGE sql AS $$ SELECT count(*) FROM zz $$;
