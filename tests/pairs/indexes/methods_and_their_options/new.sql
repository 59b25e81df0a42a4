CREATE TABLE t (id integer PRIMARY KEY, doc jsonb, ts tsvector, r int4range, p point, n bigint, ip inet);
CREATE INDEX t_doc ON t USING gin (doc jsonb_path_ops) WITH (fastupdate = off);
CREATE INDEX t_n ON t USING brin (n int8_minmax_multi_ops (values_per_range = 16)) WITH (pages_per_range = 32, autosummarize = on);
CREATE INDEX t_r ON t USING spgist (r);
CREATE INDEX t_ts ON t USING gist (ts tsvector_ops (siglen = 64));
CREATE INDEX t_p ON t USING spgist (p kd_point_ops);
CREATE INDEX t_ip ON t USING gist (ip inet_ops);
