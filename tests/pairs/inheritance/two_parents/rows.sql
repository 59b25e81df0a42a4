INSERT INTO ab (id, x, y, z) VALUES (1, 'x', 'y', '2024-01-01'), (2, NULL, NULL, NULL);
