CREATE TABLE setting (name text PRIMARY KEY, value integer NOT NULL);
CREATE VIEW current_setting_of AS SELECT value FROM setting WHERE name = 'x';
CREATE FUNCTION x() RETURNS integer LANGUAGE sql STABLE BEGIN ATOMIC SELECT value FROM current_setting_of; END;
CREATE TABLE uses (id integer PRIMARY KEY, v integer DEFAULT x());
CREATE VIEW of_uses AS SELECT id, v, x() AS now FROM uses;
