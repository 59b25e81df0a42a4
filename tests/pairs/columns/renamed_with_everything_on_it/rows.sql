INSERT INTO orders VALUES (1, 10, 'a'), (2, 200, 'b');
