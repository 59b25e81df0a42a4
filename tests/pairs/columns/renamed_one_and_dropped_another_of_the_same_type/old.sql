CREATE TABLE person (id integer PRIMARY KEY, fname text NOT NULL, nick text);
