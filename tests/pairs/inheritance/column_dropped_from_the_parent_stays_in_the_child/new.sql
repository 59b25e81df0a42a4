CREATE TABLE parent (id integer);
CREATE TABLE child (tag varchar(5) NOT NULL) INHERITS (parent);
CREATE TABLE simple () INHERITS (parent);
