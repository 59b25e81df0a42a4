CREATE TYPE entry AS (body text COLLATE "C", title text);
CREATE FUNCTION blank() RETURNS entry LANGUAGE sql AS $$ SELECT NULL::entry $$;
