INSERT INTO h (id, v) SELECT n, 'v' FROM generate_series(1, 10) AS n;
