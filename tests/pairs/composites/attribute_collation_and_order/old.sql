CREATE TYPE entry AS (title text, body text);
CREATE FUNCTION blank() RETURNS entry LANGUAGE sql AS $$ SELECT NULL::entry $$;
