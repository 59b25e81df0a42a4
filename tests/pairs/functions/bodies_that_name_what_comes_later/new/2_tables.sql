CREATE TABLE t (id integer PRIMARY KEY, n integer DEFAULT alpha(3));
CREATE TABLE zz (id integer PRIMARY KEY, t integer REFERENCES t);
