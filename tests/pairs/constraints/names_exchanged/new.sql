CREATE TABLE t (a integer, b integer, CONSTRAINT y CHECK (a > 0), CONSTRAINT x CHECK (b > 0));
CREATE INDEX i2 ON t (a);
CREATE INDEX i1 ON t (b);
