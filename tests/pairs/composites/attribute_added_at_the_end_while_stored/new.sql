CREATE TYPE address AS (street text, city text, zip varchar(10));
CREATE TABLE customer (id integer PRIMARY KEY, home address, others address[]);
CREATE VIEW cities AS SELECT id, (home).city AS city FROM customer;
