-- Values of every type, at their edges.
CREATE TABLE texts (id serial, t text);
INSERT INTO texts (t) VALUES (NULL), (''), ('\N'), ('\.'), (E'\\.\n'), (E'a\n\\.\nb'), ('\\N'), ('\\\N'), ('NULL'), (' '),
    (E'\t'), (E'\n'), (E'\r'), (E'\r\n'), (E'\\'), (E'\\\n'), (E'\\\\'), (E'a\\'), (E'\b\f\v\x01\x7f'), (E'\\r\\n\\t\\b'),
    ('it''s'), ('$$'), (':x'), ('\\!'), ('%s'), (E'\u00e9 e\u0301 \U0001F418 \u202e \ufeff \ufffe'), ('--'), ('/*'),
    ('COPY public.texts (id, t) FROM stdin;'), (E'end\n\\.\n\nCOPY x FROM stdin;');
INSERT INTO texts (t) SELECT chr(n) FROM generate_series(1, 300) AS n;
INSERT INTO texts (t) SELECT 'a' || chr(n) || E'\\' || chr(n) || 'b' FROM generate_series(1, 130) AS n;
INSERT INTO texts (t) VALUES (repeat('x', 1048576)), (repeat(E'\\\n\t', 350000)), (repeat('é', 524288));
-- Every place of a special letter relative to pieces of 64 KiB.
INSERT INTO texts (t) SELECT repeat('y', 65530 + n) || E'\n\\.\n' || repeat('z', 10) FROM generate_series(0, 12) AS n;

CREATE TABLE bytes (b bytea);
INSERT INTO bytes VALUES (NULL), (''), ('\x00'), ('\x5c'), ('\x5c2e0a'), ('\x5c4e');
INSERT INTO bytes SELECT string_agg(set_byte('\x00', 0, n), '' ORDER BY n) FROM generate_series(0, 255) AS n;
INSERT INTO bytes SELECT decode(repeat('00ff5c0a0d09', 60000), 'hex');

CREATE TABLE numbers (s smallint, i int, b bigint, r real, d double precision, n numeric, m money, fixed numeric(10, -2));
INSERT INTO numbers VALUES (-32768, -2147483648, -9223372036854775808, '-Infinity', 'NaN', 'NaN', '-92233720368547758.08', -12345600),
    (32767, 2147483647, 9223372036854775807, 'Infinity', '-Infinity', 'Infinity', '92233720368547758.07', 100),
    (0, 0, 0, '-0', '-0', '-Infinity', 0, 0),
    (1, 1, 1, 1e-45, 5e-324, 0.000, 1.5, 4),
    (1, 1, 1, 3.4028235e38, 1.7976931348623157e308, 1e-1000, 1, 1),
    (1, 1, 1, 1.17549435e-38, 2.2250738585072014e-308, 1.10, 1, 1),
    (1, 1, 1, 0.1, 0.1, 10.0000000000, 1, 1),
    (1, 1, 1, 16777217, 9007199254740993, 1e300, 1, 1),
    (NULL, NULL, NULL, 0.3, 0.30000000000000004, NULL, NULL, NULL);
INSERT INTO numbers (n) VALUES (repeat('9', 1000)::numeric), (('0.' || repeat('123456789', 111))::numeric), (repeat('7', 5000)::numeric);
INSERT INTO numbers (d, r) SELECT sqrt(n), ln(n) FROM generate_series(1, 500) AS n;

CREATE TABLE times (d date, t time(3), tz timetz, ts timestamp, tstz timestamptz(6), i interval, short interval day to second(2));
INSERT INTO times VALUES ('infinity', '00:00', '00:00+15:59:59', 'infinity', 'infinity', '1 year -2 months +3 days -04:05:06.789', '1 day 0.25'),
    ('-infinity', '24:00', '24:00-15:59:59', '-infinity', '-infinity', '-178000000 years', '-5 days'),
    ('4713-11-24 BC', '23:59:59.999', '12:00:00.000001+02', '4713-11-24 00:00:00 BC', '0044-03-15 12:00 BC', '-1 month +1 day', NULL),
    ('5874897-12-31', '12:34:56.7', '12:34:56.123456-03', '294276-12-31 23:59:59.999999', '294276-12-31 23:59:59.999999+00', '0', '0'),
    ('2026-03-29', NULL, NULL, '2026-03-29 02:30', '2026-03-29 02:30 Europe/Oslo', '1 microsecond', NULL),
    ('2026-10-25', NULL, NULL, '2026-10-25 02:30', '2026-10-25 00:30+00', '-1 microsecond', NULL),
    ('0001-01-01', NULL, NULL, '0001-12-31 BC', '1883-11-18 12:03:58-04:56:02', '100 years', NULL);

CREATE TYPE mood AS ENUM ('sad', 'it''s ok', 'a,b', '', 'NULL', '{}', '\.', E'tab\t');
CREATE DOMAIN positive AS int CHECK (VALUE > 0) DEFAULT 7;
CREATE DOMAIN moods AS mood[] CHECK (array_length(VALUE, 1) < 5);
CREATE TYPE inner_row AS (a int, b text, c mood);
CREATE TYPE outer_row AS (i inner_row, l inner_row[], d positive);
CREATE TYPE float_range AS RANGE (subtype = float8, subtype_diff = float8mi);
CREATE TABLE composed (m mood, p positive, ms moods, r outer_row, rs outer_row[]);
INSERT INTO composed VALUES ('sad', 1, ARRAY['it''s ok', 'a,b', '', 'NULL']::mood[], ROW(ROW(1, E'x"\\,()\n', 'a,b'), ARRAY[ROW(2, NULL, ''), NULL]::inner_row[], 3), NULL)
    , ('NULL', 2, '{}', ROW(NULL, '{}', 1), ARRAY[ROW(NULL, NULL, 1), NULL]::outer_row[]), (E'tab\t', 3, NULL, NULL, '{}');
INSERT INTO composed (ms) VALUES (ARRAY['{}', '\.']::mood[]);
CREATE TABLE arrays (i int[], t text[], tt text[][], b bytea[], bounds int[], e text[]);
INSERT INTO arrays VALUES ('{1,NULL,3}', ARRAY['', 'NULL', NULL, 'null', '{}', ',', '"', '\', E'\n', ' x ', '\.', '\N'], '{{a,b},{c,d}}', ARRAY['\x00'::bytea, '\x5c'], '[-2:0]={1,2,3}', '{}'),
    ('{}', NULL, '{{{x}}}', '{}', '[5:5][2:3]={{1,2}}', ARRAY[repeat('long', 20000)]);
CREATE TABLE ranges (i int4range, n numrange, ts tstzrange, d daterange, f float_range, mi int4multirange, mt tstzmultirange, mf float_multirange);
INSERT INTO ranges VALUES ('[1,5)', '(1.5,]', '[2026-01-01 00:00+00,infinity]', '(,)', '(0.1,0.2]', '{[1,2),[5,9)}', '{}', '{(,0.1),[0.3,)}'),
    ('empty', 'empty', NULL, '[-infinity,infinity)', 'empty', '{(,)}', '{[2026-03-29 00:59+00,2026-03-29 01:01+00)}', NULL);
CREATE TABLE documents (j json, jb jsonb, jp jsonpath, x xml, q tsquery, v tsvector);
INSERT INTO documents VALUES ('{"a" :  1, "a": 2, "n": 1.0e10}', '{"b": [1, 2.50, "\u00e9\n\\", null, true], "a": {}}', '$.a[*] ? (@ > 1)', '<a b="c">x<!-- y --></a>', 'a & !b:*AB | (c <-> d)', 'a:1A,2B c:3 ''it''''s'':4'),
    ('"\\."', '"\\."', NULL, XMLPARSE(CONTENT 'just text, <b>no</b> root'), '', '');
INSERT INTO documents (jb) SELECT jsonb_build_object('n', n, 'deep', repeat('[', 50) || repeat(']', 50), 'text', repeat(chr(n), 100)) FROM generate_series(32, 400) AS n;
INSERT INTO documents (jb) VALUES ((repeat('[', 900) || repeat(']', 900))::jsonb), ('1e1000'), ('-0.00');
CREATE TABLE geometry (p point, l line, s lseg, b box, pa path, po polygon, c circle);
INSERT INTO geometry VALUES ('(0.1,-1e300)', '{1,2,3}', '[(1,2),(3,4)]', '(1,1),(0,0)', '[(1,2),(3,4)]', '((0,0),(1,1),(1,0))', '<(1,2),3>'),
    ('(Infinity,NaN)', NULL, NULL, NULL, '((1,2),(3,4))', NULL, NULL);
CREATE TABLE others (n inet, c cidr, m macaddr, m8 macaddr8, u uuid, b bit(5), vb bit varying, ch char(10), one "char", na name, vc varchar(3), bo boolean,
    o oid, rc regclass, rt regtype, ti tid, x8 xid8, lsn pg_lsn, sn pg_snapshot);
INSERT INTO others VALUES ('192.168.0.1/24', '10.0.0.0/8', '08:00:2b:01:02:03', '08:00:2b:01:02:03:04:05', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', B'10101', B'', 'ab  ', 'x', 'name', 'é', true,
    4294967295, 'pg_catalog.pg_class', 'timestamptz', '(4294967295,65535)', '18446744073709551615', 'FFFFFFFF/FFFFFFFF', '10:20:10,14,15'),
    ('::1', '::/0', NULL, NULL, NULL, B'00000', B'1010101010101', '', '', '', '', false, 0, '-', NULL, NULL, '0', '0/0', NULL),
    ('::ffff:1.2.3.4/97', NULL, NULL, NULL, NULL, NULL, repeat('10', 5000)::bit varying, E'\\.', E'\\', '\N', '\.', NULL, NULL, NULL, NULL, NULL, NULL, NULL, NULL);
INSERT INTO others (one) SELECT (n - 128)::"char" FROM generate_series(0, 255) AS n WHERE n <> 128 AND n > 127;
CREATE TABLE one_row_of_nulls (a int, b text, c bytea);
INSERT INTO one_row_of_nulls VALUES (NULL, NULL, NULL);
CREATE TABLE one_text (t text);
INSERT INTO one_text VALUES ('\.'), (''), (NULL), ('\N'), ('\\.');
CREATE TABLE same AS SELECT 'the same row' AS t FROM generate_series(1, 1000);
