DO $$ BEGIN
    IF to_regclass('orders') IS NOT NULL THEN INSERT INTO orders (total) VALUES (1), (2);
    ELSE INSERT INTO purchases (total) VALUES (1), (2); END IF;
END $$;
INSERT INTO line VALUES (1, 1), (2, 2);
