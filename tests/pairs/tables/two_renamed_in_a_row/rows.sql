DO $$ BEGIN
    IF to_regclass('a') IS NOT NULL THEN
        INSERT INTO a VALUES (1, 'one'), (2, 'two');
        INSERT INTO b VALUES ('2024-01-01', 5, 1);
    ELSE
        INSERT INTO first VALUES (1, 'one'), (2, 'two');
        INSERT INTO second VALUES ('2024-01-01', 5, 1);
    END IF;
END $$;
