CREATE TABLE parent (id integer, extra text);
CREATE TABLE child (more text, extra text) INHERITS (parent);
