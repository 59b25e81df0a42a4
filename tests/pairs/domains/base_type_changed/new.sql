CREATE DOMAIN amount AS bigint CHECK (VALUE >= 0);
CREATE TABLE invoice (id integer PRIMARY KEY, net amount NOT NULL, tax amount DEFAULT 0);
CREATE VIEW totals AS SELECT id, net + tax AS total, net FROM invoice;
