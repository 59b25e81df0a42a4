CREATE TABLE parts (id int, twice int GENERATED ALWAYS AS (id * 2) STORED);
CREATE TABLE wheels (spokes int) INHERITS (parts);
