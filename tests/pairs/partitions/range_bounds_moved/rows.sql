INSERT INTO m VALUES (1, 'a'), (150, 'b'), (89, 'c');
