INSERT INTO course VALUES (1, 'one', 'a'), (2, 'two', 'b');
