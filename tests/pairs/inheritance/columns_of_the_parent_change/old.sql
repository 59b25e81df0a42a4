CREATE TABLE animal (id integer PRIMARY KEY, name text DEFAULT 'x', weight integer, CONSTRAINT heavy CHECK (weight > 0));
CREATE TABLE dog (breed text) INHERITS (animal);
CREATE TABLE puppy (age integer) INHERITS (dog);
