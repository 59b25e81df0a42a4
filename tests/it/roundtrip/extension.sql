-- An extension with tables of settings: only what the user put into them is the user's.
CREATE SCHEMA shelf;
CREATE EXTENSION steward_shelf;
INSERT INTO shelf.knobs VALUES ('noise', 'loud', false), ('\.', E'\\.', false);
INSERT INTO shelf.journal (said) VALUES ('one'), ('two');
CREATE TABLE beside (name text REFERENCES shelf.knobs, n serial);
INSERT INTO beside (name) VALUES ('noise'), ('colour');
CREATE VIEW of_it AS SELECT * FROM shelf.constants;
