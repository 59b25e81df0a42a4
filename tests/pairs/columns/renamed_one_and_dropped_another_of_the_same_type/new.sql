CREATE TABLE person (id integer PRIMARY KEY, first_name text NOT NULL);
