INSERT INTO measure VALUES (1, 5, 'kg'), (2, 50, 'g');
