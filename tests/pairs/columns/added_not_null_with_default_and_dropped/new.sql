CREATE TABLE t (id integer PRIMARY KEY, a text, b integer NOT NULL DEFAULT 7, c timestamptz NOT NULL DEFAULT now(), d uuid DEFAULT gen_random_uuid(), e text COLLATE "C" NOT NULL DEFAULT '');
CREATE INDEX t_b ON t (b, c DESC);
