CREATE DOMAIN email AS text CONSTRAINT has_at CHECK (VALUE LIKE '%@%') CONSTRAINT short CHECK (length(VALUE) < 100);
CREATE TABLE contact (id integer PRIMARY KEY, mail email);
