CREATE TABLE parent (id integer, tag varchar(5));
CREATE TABLE child (tag varchar(5) NOT NULL) INHERITS (parent);
CREATE TABLE simple () INHERITS (parent);
