CREATE TABLE c (id integer PRIMARY KEY, b integer REFERENCES b (id));
