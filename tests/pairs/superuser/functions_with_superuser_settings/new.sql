CREATE FUNCTION quiet() RETURNS void LANGUAGE plpgsql SET session_replication_role = origin SET "my.setting" = 'a, b' AS $$ BEGIN END $$;
CREATE TABLE t (a integer, b text DEFAULT 'x');
