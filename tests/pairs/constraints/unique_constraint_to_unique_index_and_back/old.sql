CREATE TABLE p (id integer PRIMARY KEY, a text CONSTRAINT p_a UNIQUE, b text);
CREATE UNIQUE INDEX p_b ON p (b);
CREATE TABLE c (b text REFERENCES p (b), a text REFERENCES p (a));
