INSERT INTO post (id, title) VALUES (1, 'A b'), (2, 'C d');
