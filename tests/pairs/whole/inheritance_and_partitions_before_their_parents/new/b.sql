CREATE TABLE root (id integer NOT NULL, k integer NOT NULL) PARTITION BY RANGE (k);
