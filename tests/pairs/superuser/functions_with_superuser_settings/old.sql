CREATE FUNCTION quiet() RETURNS void LANGUAGE plpgsql SET session_replication_role = replica AS $$ BEGIN END $$;
CREATE TABLE t (a integer);
