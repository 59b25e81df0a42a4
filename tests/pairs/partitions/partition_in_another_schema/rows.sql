INSERT INTO e (id, at) VALUES (1, '2023-01-05'), (2, '2023-01-06');
