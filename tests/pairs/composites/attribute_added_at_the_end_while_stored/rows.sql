INSERT INTO customer (id, home) VALUES (1, ROW('High St', 'York')::address) ON CONFLICT DO NOTHING;
