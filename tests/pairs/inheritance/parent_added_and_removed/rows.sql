INSERT INTO child (id, note, own) VALUES (1, 'a', 1), (2, 'b', 2);
INSERT INTO other (id, note) VALUES (3, 'c');
