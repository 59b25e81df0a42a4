INSERT INTO tag VALUES ('a'), ('B');
