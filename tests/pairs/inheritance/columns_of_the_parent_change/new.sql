CREATE TABLE animal (id integer PRIMARY KEY, name text NOT NULL DEFAULT 'y', weight bigint, legs smallint DEFAULT 4, CONSTRAINT heavy CHECK (weight > 1));
CREATE TABLE dog (breed text, name text DEFAULT 'Rex') INHERITS (animal);
CREATE TABLE puppy (age integer) INHERITS (dog);
CREATE INDEX puppy_name ON puppy (name);
