INSERT INTO customer (id, home) VALUES (1, ROW('High St', 'York', '4711')::address);
