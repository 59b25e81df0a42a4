INSERT INTO p (id, s, k) VALUES (1, 'a', 1), (2, 'b', 12);
INSERT INTO r VALUES (1, 1), (2, 12);
