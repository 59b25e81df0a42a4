CREATE TABLE parent (id integer);
CREATE TABLE child (extra text, more text) INHERITS (parent);
