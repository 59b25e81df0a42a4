INSERT INTO parent VALUES (1, 'a'), (2, 'b');
INSERT INTO child (id, parent_id, qty) VALUES (1, 1, 3), (2, 2, 9);
