INSERT INTO blog.author (handle) VALUES ('ada'), ('alan');
INSERT INTO blog.post (author, title, body) VALUES (1, 'First', 'words'), (2, 'Second', 'more');
INSERT INTO blog.comment (post, author, body) VALUES (1, 'x', 'hm'), (1, NULL, 'ha');
