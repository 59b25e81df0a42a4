-- Partitions of each kind and depth, attached later, with other orders of columns, and such whose place may change.
CREATE TABLE by_range (id int, at timestamptz, said text) PARTITION BY RANGE (at);
CREATE TABLE by_range_old PARTITION OF by_range FOR VALUES FROM (MINVALUE) TO ('2026-01-01 00:00+00');
CREATE TABLE by_range_new PARTITION OF by_range FOR VALUES FROM ('2026-01-01 00:00+00') TO (MAXVALUE);
CREATE TABLE by_range_rest PARTITION OF by_range DEFAULT;
INSERT INTO by_range SELECT n, timestamptz '2025-12-30 12:00+00' + n * interval '7 hours', 'r' || n FROM generate_series(1, 20) AS n;
INSERT INTO by_range VALUES (99, NULL, 'rest');

CREATE TABLE by_list (kind text, n int DEFAULT 1) PARTITION BY LIST (kind);
CREATE TABLE by_list_ab PARTITION OF by_list (n DEFAULT 2) FOR VALUES IN ('a', 'b', 'it''s');
CREATE TABLE by_list_null PARTITION OF by_list FOR VALUES IN (NULL);
CREATE TABLE by_list_deep PARTITION OF by_list FOR VALUES IN ('c', 'd') PARTITION BY HASH (n);
CREATE TABLE by_list_deep_0 PARTITION OF by_list_deep FOR VALUES WITH (MODULUS 2, REMAINDER 0);
CREATE TABLE by_list_deep_1 PARTITION OF by_list_deep FOR VALUES WITH (MODULUS 2, REMAINDER 1) PARTITION BY RANGE (n);
CREATE TABLE by_list_deep_1_low PARTITION OF by_list_deep_1 FOR VALUES FROM (MINVALUE) TO (50);
CREATE TABLE by_list_deep_1_high PARTITION OF by_list_deep_1 DEFAULT;
INSERT INTO by_list SELECT (ARRAY['a', 'b', 'c', 'd', NULL, 'it''s'])[n % 6 + 1], n FROM generate_series(1, 120) AS n;

CREATE TABLE by_hash (id bigint PRIMARY KEY, said text) PARTITION BY HASH (id);
CREATE TABLE by_hash_0 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 0);
CREATE TABLE by_hash_1 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 1);
CREATE TABLE by_hash_2 PARTITION OF by_hash FOR VALUES WITH (MODULUS 3, REMAINDER 2);
INSERT INTO by_hash SELECT n, 'h' || n FROM generate_series(1, 100) AS n;

-- The hash of an enum goes by OIDs, which are others in a restored database: rows go through the root.
CREATE TYPE colour AS ENUM ('red', 'orange', 'yellow', 'green', 'blue', 'violet', 'white', 'black');
CREATE TABLE by_colour (colour colour, n int GENERATED ALWAYS AS IDENTITY, twice int GENERATED ALWAYS AS (3) STORED)
    PARTITION BY HASH (colour);
CREATE TABLE by_colour_0 PARTITION OF by_colour FOR VALUES WITH (MODULUS 4, REMAINDER 0);
CREATE TABLE by_colour_1 PARTITION OF by_colour FOR VALUES WITH (MODULUS 4, REMAINDER 1);
CREATE TABLE by_colour_2 PARTITION OF by_colour FOR VALUES WITH (MODULUS 4, REMAINDER 2);
CREATE TABLE by_colour_3 PARTITION OF by_colour FOR VALUES WITH (MODULUS 4, REMAINDER 3) PARTITION BY LIST (n);
CREATE TABLE by_colour_3_all PARTITION OF by_colour_3 DEFAULT;
INSERT INTO by_colour (colour) SELECT colour FROM unnest(enum_range(NULL::colour)) AS colour, generate_series(1, 10);

-- Attached later, its columns in another order, with a column that is gone.
CREATE TABLE mixed (a int NOT NULL, b text, c date) PARTITION BY RANGE (a);
CREATE TABLE mixed_1 (gone int, c date, a int NOT NULL, b text);
INSERT INTO mixed_1 VALUES (1, '2026-05-05', 5, 'five');
ALTER TABLE mixed_1 DROP COLUMN gone;
ALTER TABLE mixed ATTACH PARTITION mixed_1 FOR VALUES FROM (0) TO (10);
CREATE TABLE mixed_2 (b text, a int NOT NULL, c date);
ALTER TABLE mixed ATTACH PARTITION mixed_2 FOR VALUES FROM (10) TO (20);
INSERT INTO mixed VALUES (6, 'six', '2026-06-06'), (15, 'fifteen', NULL);
CREATE TABLE detached PARTITION OF mixed FOR VALUES FROM (20) TO (30);
INSERT INTO mixed VALUES (25, 'left', NULL);
ALTER TABLE mixed DETACH PARTITION detached;

-- Two keys, one of them an expression; an index, a foreign key and a trigger from the root.
CREATE TABLE by_expression (x int, y int) PARTITION BY RANGE (((x + y)), y);
CREATE TABLE by_expression_1 PARTITION OF by_expression FOR VALUES FROM (0, MINVALUE) TO (100, 5);
CREATE TABLE by_expression_2 PARTITION OF by_expression DEFAULT;
CREATE INDEX ON by_expression (y);
INSERT INTO by_expression SELECT n, n % 7 FROM generate_series(1, 200) AS n;
CREATE TABLE refers (id bigint REFERENCES by_hash ON DELETE CASCADE, at date) PARTITION BY RANGE (at);
CREATE TABLE refers_all PARTITION OF refers DEFAULT;
INSERT INTO refers SELECT n, '2026-01-01' FROM generate_series(1, 10) AS n;
CREATE INDEX only_here ON ONLY refers (at);
CREATE TABLE empty_root (id int) PARTITION BY LIST (id);
CREATE UNLOGGED TABLE by_hash_of_unlogged (id int);
INSERT INTO by_hash_of_unlogged VALUES (1);
COMMENT ON TABLE by_colour_3 IS 'a partition with partitions';
