-- Three hundred small tables in thirty schemas, some empty, in an order that is not that of their names.
DO $$ BEGIN
    FOR s IN 1..30 LOOP
        EXECUTE format('CREATE SCHEMA s%s', s);
        FOR t IN 1..10 LOOP
            EXECUTE format('CREATE TABLE s%s.t%s (id int PRIMARY KEY, said text DEFAULT %L)', s, 11 - t, t);
            EXECUTE format('INSERT INTO s%s.t%s SELECT n FROM generate_series(1, %s) AS n', s, 11 - t, (s * t) % 13);
        END LOOP;
    END LOOP;
END $$;
