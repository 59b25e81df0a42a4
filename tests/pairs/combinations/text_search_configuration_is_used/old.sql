CREATE TABLE doc (id integer PRIMARY KEY, t text, lang regconfig NOT NULL DEFAULT 'english', cls regclass DEFAULT 'doc'::regclass);
CREATE INDEX doc_t ON doc USING gin (to_tsvector('english'::regconfig, t));
