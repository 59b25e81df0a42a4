INSERT INTO s.t (a) VALUES ('a'), ('b');
