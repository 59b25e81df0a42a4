CREATE TABLE first (x integer PRIMARY KEY, y text);
CREATE TABLE second (p date PRIMARY KEY, q integer, a integer REFERENCES first);
