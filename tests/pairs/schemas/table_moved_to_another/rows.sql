DO $$ BEGIN
    IF to_regclass('public.notes') IS NOT NULL THEN INSERT INTO notes (body) VALUES ('a'), ('b');
    ELSE INSERT INTO archive.notes (body) VALUES ('a'), ('b'); END IF;
END $$;
