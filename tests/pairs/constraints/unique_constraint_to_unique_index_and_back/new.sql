CREATE TABLE p (id integer PRIMARY KEY, a text, b text CONSTRAINT p_b UNIQUE);
CREATE UNIQUE INDEX p_a ON p (a);
CREATE TABLE c (b text REFERENCES p (b), a text REFERENCES p (a));
