CREATE TABLE p (id integer NOT NULL, k integer NOT NULL, CONSTRAINT positive CHECK (id > 0)) PARTITION BY RANGE (k);
CREATE TABLE p1 PARTITION OF p FOR VALUES FROM (0) TO (10);
CREATE TABLE apart (id integer NOT NULL, k integer NOT NULL, CONSTRAINT positive CHECK (id > 0));
CREATE INDEX p_id ON p (id);
