INSERT INTO child (id, tag) VALUES (1, 'a'), (2, 'b');
INSERT INTO simple (id) VALUES (3);
