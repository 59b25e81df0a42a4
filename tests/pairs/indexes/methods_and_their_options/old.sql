CREATE TABLE t (id integer PRIMARY KEY, doc jsonb, ts tsvector, r int4range, p point, n bigint, ip inet);
CREATE INDEX t_doc ON t USING gin (doc);
CREATE INDEX t_n ON t USING brin (n);
CREATE INDEX t_r ON t USING gist (r);
