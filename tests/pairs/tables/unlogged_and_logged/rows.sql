INSERT INTO a (x) VALUES ('a'), ('b');
INSERT INTO b (x) VALUES ('a'), ('b');
INSERT INTO c VALUES (1);
