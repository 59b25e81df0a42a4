CREATE TABLE base (id integer NOT NULL, note text);
