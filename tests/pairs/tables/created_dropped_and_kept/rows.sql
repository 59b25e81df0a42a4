INSERT INTO kept (id, a) VALUES (1, 'a'), (2, 'b');
