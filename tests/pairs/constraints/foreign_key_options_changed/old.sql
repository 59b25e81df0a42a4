CREATE TABLE p (a integer, b integer, PRIMARY KEY (a, b));
CREATE TABLE c (
    id integer PRIMARY KEY, a integer, b integer, x integer, y integer,
    CONSTRAINT one FOREIGN KEY (a, b) REFERENCES p ON DELETE SET NULL (b) ON UPDATE CASCADE,
    CONSTRAINT two FOREIGN KEY (x, y) REFERENCES p MATCH FULL DEFERRABLE
);
