CREATE TABLE t (a integer, b integer, CONSTRAINT x CHECK (a > 0), CONSTRAINT y CHECK (b > 0));
CREATE INDEX i1 ON t (a);
CREATE INDEX i2 ON t (b);
