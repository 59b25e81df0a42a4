-- Clients get another encoding than the database's, in which not all of its letters exist.
ALTER DATABASE $database SET client_encoding = 'LATIN1';
SET ROLE $migrator;
CREATE TABLE animals (name text DEFAULT 'é 🐘');
INSERT INTO animals VALUES (DEFAULT), ('🐢'), ('ü');
COMMENT ON TABLE animals IS '🐘 and 🐢';
