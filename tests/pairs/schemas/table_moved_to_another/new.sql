CREATE SCHEMA archive;
CREATE TABLE archive.notes (id serial PRIMARY KEY, body text);
CREATE INDEX notes_body ON archive.notes (body);
CREATE VIEW latest AS SELECT id, body FROM archive.notes;
GRANT SELECT ON archive.notes TO $maintenance;
