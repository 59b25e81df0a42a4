CREATE SCHEMA new_one;
CREATE TABLE new_one.b (id bigint PRIMARY KEY, y text);
CREATE VIEW new_one.v AS SELECT y FROM new_one.b;
CREATE TYPE new_one.k AS ENUM ('a');
COMMENT ON SCHEMA new_one IS 'new';
GRANT USAGE ON SCHEMA new_one TO $app;
