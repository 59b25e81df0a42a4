CREATE TABLE a (x integer, y text, CONSTRAINT a_key PRIMARY KEY (x) WITH (fillfactor = 70));
CREATE TABLE b (x integer, y text);
