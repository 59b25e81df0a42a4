CREATE TABLE base (id integer NOT NULL, note text);
CREATE TABLE child (own integer) INHERITS (base);
CREATE TABLE other (id integer NOT NULL, note text);
