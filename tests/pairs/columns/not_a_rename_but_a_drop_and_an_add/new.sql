CREATE TABLE person (id integer PRIMARY KEY, birth_year integer);
