CREATE TABLE base (id integer NOT NULL, note text);
CREATE TABLE child (id integer NOT NULL, note text, own integer);
CREATE TABLE other () INHERITS (base);
