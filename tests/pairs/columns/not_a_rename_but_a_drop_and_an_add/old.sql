CREATE TABLE person (id integer PRIMARY KEY, shoe_size integer);
