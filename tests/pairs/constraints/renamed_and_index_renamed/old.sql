CREATE TABLE t (id integer, a integer, b integer, CONSTRAINT t_pk PRIMARY KEY (id), CONSTRAINT uq UNIQUE (a), CONSTRAINT ck CHECK (b > 0));
CREATE INDEX ix ON t (b);
COMMENT ON CONSTRAINT ck ON t IS 'above zero';
COMMENT ON INDEX ix IS 'for lookups';
