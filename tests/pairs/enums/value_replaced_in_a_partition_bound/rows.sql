INSERT INTO sale VALUES (1, 'north', 1.50), (2, 'south', 2.25), (3, 'south', NULL);
