INSERT INTO log VALUES (1, '2024-02-01', 'a'), (2, '2024-03-01', 'b');
