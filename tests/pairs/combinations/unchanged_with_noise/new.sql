CREATE TABLE t (id integer, a varchar(10) DEFAULT 'x', b decimal(10, 0) CHECK (b = ANY (ARRAY[1, 2]::numeric[])), c timestamp DEFAULT now(), d boolean DEFAULT false, CONSTRAINT t_a_check CHECK (((a)::text >= 'a'::text) AND ((a)::text <= 'z'::text)), PRIMARY KEY (id));
CREATE VIEW v AS SELECT t.id, t.a, t.b, t.c, t.d FROM t;
CREATE TABLE changes (a integer, b integer);
