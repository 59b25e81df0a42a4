CREATE TABLE p (id integer PRIMARY KEY, a integer NOT NULL, b integer NOT NULL, CONSTRAINT p_key UNIQUE (a, b));
CREATE TABLE c (id integer PRIMARY KEY, a integer, b integer, CONSTRAINT c_p FOREIGN KEY (a, b) REFERENCES p (a, b));
