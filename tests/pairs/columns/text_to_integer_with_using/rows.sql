INSERT INTO t (id, code, flag, at) VALUES (1, '17', 'true', '2024-05-01 00:00:00+00'), (2, '18', 'false', NULL);
