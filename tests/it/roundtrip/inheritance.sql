-- Inheritance: rows of a parent are its own, children have other orders of columns, and several parents.
CREATE TABLE grandparent (a int, b text DEFAULT 'of the grandparent');
CREATE TABLE parent (c int) INHERITS (grandparent);
CREATE TABLE child (d int) INHERITS (parent);
CREATE TABLE other_parent (b text DEFAULT 'of the other parent', e int NOT NULL);
CREATE TABLE of_both (f int, b text DEFAULT 'its own') INHERITS (parent, other_parent);
CREATE TABLE diamond (b text DEFAULT 'of all') INHERITS (child, of_both);
INSERT INTO grandparent VALUES (1, 'x'), (2, NULL);
INSERT INTO parent VALUES (3, 'y', 4);
INSERT INTO child VALUES (5, 'z', 6, 7), (8, DEFAULT, 9, 10);
INSERT INTO of_both (a, c, e, f) VALUES (11, 12, 13, 14);
INSERT INTO diamond (a, b, c, d, e, f) VALUES (15, 'w', 16, 17, 18, 19);
INSERT INTO other_parent VALUES (DEFAULT, 20);

-- The other way: it left.
CREATE TABLE gone () INHERITS (grandparent);
INSERT INTO gone VALUES (1, 'left');
ALTER TABLE gone NO INHERIT grandparent;
-- Another default and a constraint for one of them alone.
ALTER TABLE child ALTER b SET DEFAULT 'of the child';
ALTER TABLE grandparent ADD CHECK (a < 1000);
ALTER TABLE ONLY parent ADD CONSTRAINT alone CHECK (c < 100) NO INHERIT;
ALTER TABLE child ADD CONSTRAINT of_its_own CHECK (d > 0);
-- A generated column, inherited.
CREATE TABLE computes (n int, twice int GENERATED ALWAYS AS (n * 2) STORED);
CREATE TABLE computes_too (more int) INHERITS (computes);
INSERT INTO computes (n) VALUES (1);
INSERT INTO computes_too (n, more) VALUES (2, 3);
CREATE TABLE childless () INHERITS (grandparent);
