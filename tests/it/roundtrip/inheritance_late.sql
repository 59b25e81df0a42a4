-- Columns that came to a parent when there were children: pg_dump makes them anew in another order, by name the same.
CREATE TABLE grandparent (a int, b text DEFAULT 'of the grandparent');
CREATE TABLE parent (c int) INHERITS (grandparent);
CREATE TABLE child (d int) INHERITS (parent);
INSERT INTO grandparent VALUES (1, 'x'), (2, NULL);
INSERT INTO parent VALUES (3, 'y', 4);
INSERT INTO child VALUES (5, 'z', 6, 7), (8, DEFAULT, 9, 10);
-- Made on its own, its columns in another order, and let in later.
CREATE TABLE let_in (own text, c int, b text, a int);
INSERT INTO let_in VALUES ('own', 1, 'b', 2);
ALTER TABLE let_in INHERIT parent;
-- Columns that came to the parent when the child had its own already.
ALTER TABLE grandparent ADD COLUMN late int DEFAULT 77;
ALTER TABLE child ADD COLUMN mine text DEFAULT 'mine';
ALTER TABLE grandparent ADD COLUMN later int;
UPDATE child SET later = 5 WHERE a = 8;
CREATE TABLE grandchild (e int GENERATED ALWAYS AS (1) STORED, f text) INHERITS (child);
INSERT INTO grandchild (a, f) VALUES (11, 'f');
ALTER TABLE grandparent DROP COLUMN b;
