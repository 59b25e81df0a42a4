-- Publications belong to who made them, which takes a right on the database that they are restored into.
CREATE TABLE some_of_it (a int, b int);
INSERT INTO some_of_it VALUES (1, 2);
CREATE TABLE published (n int, t text);
CREATE PUBLICATION partly FOR TABLE some_of_it (a), published WHERE (n > 5) WITH (publish = 'insert, delete');
CREATE PUBLICATION empty;
COMMENT ON PUBLICATION partly IS 'published';
