INSERT INTO t (id, name, mail, room, during) VALUES (1, 'a', 'A@b', 1, '[2024-01-01,2024-01-02)'), (2, 'b', 'c@D', 2, NULL);
