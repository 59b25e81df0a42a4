CREATE TYPE a AS ENUM ('one');
CREATE TYPE b AS ENUM ('eins', 'drei');
CREATE TABLE t (id integer, x a, y b);
