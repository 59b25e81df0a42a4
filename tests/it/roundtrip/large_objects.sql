-- Large objects: empty, small, of several chunks, at and beside the size of a page, large, with holes, owned and granted.
SELECT lo_create(1001);
SELECT lo_from_bytea(1002, 'one page or less');
SELECT lo_from_bytea(1003, decode(repeat('00ff5c270a', 4000), 'hex'));
-- 3 MiB that do not compress away.
SELECT lo_from_bytea(1004, (SELECT string_agg(decode(md5(n::text), 'hex'), '' ORDER BY n) FROM generate_series(1, 196608) AS n));
SELECT lo_from_bytea(1005, decode(repeat('ab', 2048), 'hex'));
SELECT lo_from_bytea(1006, decode(repeat('cd', 2049), 'hex'));
-- Nothing but a byte far behind: the pages before it do not exist.
SELECT lo_create(1007);
SELECT lo_put(1007, 2500000, '\x2a');
-- Cut in the middle of a page.
SELECT lo_from_bytea(1008, decode(repeat('ef', 5000), 'hex'));
SELECT lo_truncate(lo_open(1008, x'20000'::int), 3000);
-- All zeros, which is not the same as nothing.
SELECT lo_from_bytea(1009, decode(repeat('00', 6000), 'hex'));
SELECT lo_from_bytea(4294967295, 'the highest number');
SELECT lo_from_bytea(1010, 'the application''s');
SELECT lo_from_bytea(1011, 'hidden from its owner');

COMMENT ON LARGE OBJECT 1002 IS 'it''s a comment; with a
line end';
COMMENT ON LARGE OBJECT 1001 IS 'empty';
GRANT SELECT, UPDATE ON LARGE OBJECT 1003 TO $app WITH GRANT OPTION;
GRANT SELECT ON LARGE OBJECT 1004 TO PUBLIC;
REVOKE ALL ON LARGE OBJECT 1011 FROM $migrator;
SET ROLE NONE;
ALTER LARGE OBJECT 1010 OWNER TO $app;
SET ROLE $migrator;

CREATE TABLE papers (name text, content oid);
INSERT INTO papers VALUES ('a', 1002), ('b', 1003), ('lost', 999999);
