INSERT INTO setting VALUES ('x', 1), ('y', 2);
INSERT INTO uses VALUES (1, 1);
