DO $$ BEGIN
    IF to_regclass('msg') IS NOT NULL THEN
        INSERT INTO msg VALUES (1, 'a', NULL), (2, 'b', '2024-01-01');
        INSERT INTO reply (id, msg) VALUES (1, 1);
    ELSE
        INSERT INTO message VALUES (1, 'a', NULL), (2, 'b', '2024-01-01');
        INSERT INTO reply (id, message) VALUES (1, 1);
    END IF;
END $$;
