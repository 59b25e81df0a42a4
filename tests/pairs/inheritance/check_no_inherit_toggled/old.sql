CREATE TABLE parent (id integer, CONSTRAINT above CHECK (id > 0) NO INHERIT, CONSTRAINT below CHECK (id < 100));
CREATE TABLE child () INHERITS (parent);
