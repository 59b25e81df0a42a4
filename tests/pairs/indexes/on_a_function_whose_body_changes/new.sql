CREATE FUNCTION norm(t text, fold boolean DEFAULT true) RETURNS text LANGUAGE sql IMMUTABLE STRICT PARALLEL SAFE AS $$ SELECT lower(t) $$;
CREATE TABLE w (id integer PRIMARY KEY, t text);
CREATE UNIQUE INDEX w_norm ON w (norm(t));
CREATE INDEX w_some ON w (id) WHERE norm(t, false) <> '';
