INSERT INTO s (x) VALUES ('a'), ('b');
INSERT INTO i (x) VALUES ('a'), ('b');
