CREATE TABLE t (a text) WITH (fillfactor = 75, autovacuum_vacuum_scale_factor = 0.05, toast.autovacuum_vacuum_threshold = 33);
CREATE TABLE u (a text) WITH (parallel_workers = 2, toast_tuple_target = 4000, user_catalog_table = false);
