CREATE SCHEMA archive;
CREATE TABLE notes (id serial PRIMARY KEY, body text);
CREATE INDEX notes_body ON notes (body);
CREATE VIEW latest AS SELECT id, body FROM notes;
