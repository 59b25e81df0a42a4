CREATE TABLE parent (id integer, CONSTRAINT above CHECK (id > 0), CONSTRAINT below CHECK (id < 100) NO INHERIT);
CREATE TABLE child (CONSTRAINT own CHECK (id <> 13)) INHERITS (parent);
