INSERT INTO rate VALUES ('usd', 1), ('eur', 1.1);
INSERT INTO price VALUES (1, 'eur', 3), (2, 'usd', 4), (3, 'eur', 5);
