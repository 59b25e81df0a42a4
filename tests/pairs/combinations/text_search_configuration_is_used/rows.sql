INSERT INTO doc (id, t) VALUES (1, 'a'), (2, 'b');
