INSERT INTO w VALUES (1, 'A'), (2, 'b');
