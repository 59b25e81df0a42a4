CREATE TABLE t (id integer, a integer, b integer, CONSTRAINT t_pkey PRIMARY KEY (id), CONSTRAINT t_a_key UNIQUE (a), CONSTRAINT t_b_check CHECK (b > 0));
CREATE INDEX t_b_idx ON t (b);
COMMENT ON CONSTRAINT t_b_check ON t IS 'above zero';
COMMENT ON INDEX t_b_idx IS 'for lookups';
