CREATE TABLE parts (id int, twice int);
CREATE TABLE wheels (spokes int) INHERITS (parts);
