CREATE FUNCTION is_code(candidate text, strict boolean DEFAULT true) RETURNS boolean LANGUAGE sql IMMUTABLE AS $$ SELECT candidate ~ '^[A-Z]+$' OR NOT strict $$;
CREATE DOMAIN code AS text CHECK (is_code(VALUE));
CREATE TABLE product (id integer, c code);
