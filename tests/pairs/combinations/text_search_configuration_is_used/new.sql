CREATE TABLE doc (id integer PRIMARY KEY, t text, lang regconfig NOT NULL DEFAULT 'simple', cls regclass);
CREATE INDEX doc_t ON doc USING gin (to_tsvector('simple'::regconfig, t));
