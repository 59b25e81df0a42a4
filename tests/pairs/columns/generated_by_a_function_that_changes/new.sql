CREATE FUNCTION slug(t varchar) RETURNS text LANGUAGE sql IMMUTABLE AS $$ SELECT lower(t) $$;
CREATE TABLE post (id integer PRIMARY KEY, title text, slug text GENERATED ALWAYS AS (slug(title::varchar)) STORED UNIQUE);
