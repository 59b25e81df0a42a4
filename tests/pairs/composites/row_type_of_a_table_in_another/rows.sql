INSERT INTO inner_row (a, b) VALUES (1, 'x');
INSERT INTO holder (id) VALUES (1);
