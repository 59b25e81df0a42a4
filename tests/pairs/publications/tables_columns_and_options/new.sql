CREATE TABLE a (id integer PRIMARY KEY, x text, y text);
CREATE TABLE b (id integer PRIMARY KEY, n integer);
CREATE TABLE c (id integer PRIMARY KEY);
CREATE PUBLICATION p FOR TABLE a (id, y, x), b WHERE (id > 100), c WITH (publish = 'insert, delete, truncate', publish_via_partition_root = true);
CREATE PUBLICATION empty;
COMMENT ON PUBLICATION p IS 'to the warehouse';
