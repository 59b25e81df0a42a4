CREATE TABLE kept (id integer) WITH (fillfactor = 70, autovacuum_enabled = off);
CREATE TABLE fresh (id integer, t text) WITH (parallel_workers = 2, fillfactor = 80, autovacuum_enabled = off, toast.vacuum_truncate = off, toast.autovacuum_enabled = off);
CREATE VIEW over_kept WITH (security_invoker = true, security_barrier = true, check_option = local) AS SELECT id FROM kept;
