CREATE TABLE p (id integer NOT NULL, k integer NOT NULL, CONSTRAINT positive CHECK (id > 0)) PARTITION BY RANGE (k);
CREATE TABLE apart PARTITION OF p FOR VALUES FROM (10) TO (20);
CREATE TABLE p1 (id integer NOT NULL, k integer NOT NULL, CONSTRAINT positive CHECK (id > 0));
CREATE INDEX p_id ON p (id);
CREATE INDEX p1_id_idx ON p1 (id);
