-- Names that a careless dump would cut, fold, double or run.
CREATE SCHEMA "Sch""ema; DROP TABLE x; --";
CREATE SCHEMA "100% \n";
CREATE SCHEMA "new
line";
CREATE TABLE "Case" ("Case" int, "case" int, "CASE" int);
CREATE TABLE "case" (n int);
INSERT INTO "Case" VALUES (1, 2, 3);
INSERT INTO "case" VALUES (4);
CREATE TABLE "quo""te'd" ("""" text, "'" text, "\" text, "`$1`" text);
INSERT INTO "quo""te'd" VALUES ('a', 'b', 'c', 'd');
CREATE TABLE "\." ("\." text, "\N" text);
INSERT INTO "\." VALUES ('\.', '\N'), (E'a\n\\.\nb', NULL);
CREATE TABLE "new
line"."ta
ble" ("co
lumn" text);
INSERT INTO "new
line"."ta
ble" VALUES (E'x\ny');
CREATE TABLE "100% \n"."%s %d %%" ("%n" int, "a\tb" int);
INSERT INTO "100% \n"."%s %d %%" VALUES (1, 2);
CREATE TABLE "Sch""ema; DROP TABLE x; --"."'; SELECT 1; --" (" " int, "	" int);
INSERT INTO "Sch""ema; DROP TABLE x; --"."'; SELECT 1; --" VALUES (1, 2);
CREATE TABLE "select" ("from" int, "where" text, "table" int, "user" int, "order" int, "null" int, "default" int);
INSERT INTO "select" VALUES (1, 'x', 2, 3, 4, 5, 6);
CREATE TABLE " leading and trailing " (" a " int);
INSERT INTO " leading and trailing " VALUES (1);
CREATE TABLE "dotted.na.me" ("a.b" int);
INSERT INTO "dotted.na.me" VALUES (1);
CREATE TABLE "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123" (
    "zzzzzzzzzzyyyyyyyyyyxxxxxxxxxxwwwwwwwwwwvvvvvvvvvvuuuuuuuuuu123" serial PRIMARY KEY, t text UNIQUE);
INSERT INTO "aaaaaaaaaabbbbbbbbbbccccccccccddddddddddeeeeeeeeeeffffffffff123" (t) VALUES ('a'), ('b');
CREATE TABLE "ÅngströmΔ表テスト🐘" ("größe" int, "列" text, "é" int, "é" int);
INSERT INTO "ÅngströmΔ表テスト🐘" VALUES (1, '🐘', 2, 3);
-- 63 bytes, of which the last belong to one letter.
CREATE TABLE "ééééééééééééééééééééééééééééééé1" (n int);
INSERT INTO "ééééééééééééééééééééééééééééééé1" VALUES (1);
CREATE TABLE "123" ("1" int, "2" int);
INSERT INTO "123" VALUES (1, 2);
CREATE TABLE "--" ("/*" int);
INSERT INTO "--" VALUES (1);
CREATE TABLE "\connect" ("\!" text, "COPY x FROM stdin;" text);
INSERT INTO "\connect" VALUES ('\! touch x', E'\\.\nDROP TABLE "--";');
CREATE TABLE ":variable" (":'a'" int, ":""b""" int, "?" int);
INSERT INTO ":variable" VALUES (1, 2, 3);
CREATE TABLE "$$ $a$" ("$1" text);
INSERT INTO "$$ $a$" VALUES ('$$');

CREATE INDEX "in""dex of it" ON "quo""te'd" ("""");
CREATE SEQUENCE "\.se""q";
SELECT nextval('"\.se""q"');
CREATE TYPE "ty""pe" AS ENUM ('a''b', 'c"d', '\.', '');
CREATE DOMAIN "Do main" AS "ty""pe" CONSTRAINT "c""k" CHECK (VALUE <> '');
CREATE TABLE "uses" ("t" "ty""pe", "d" "Do main" DEFAULT 'a''b', "ar" "ty""pe"[]);
INSERT INTO "uses" VALUES ('a''b', 'c"d', '{"c\"d","\\."}'), ('\.', '\.', NULL), ('', DEFAULT, '{}');
CREATE FUNCTION "fu""nc"("a""rg" int DEFAULT 1, OUT "o ut" text) LANGUAGE sql AS $_$ SELECT '$$' || "a""rg" $_$;
CREATE VIEW "vi""ew
two" AS SELECT "fu""nc"() AS "co""l
two";
CREATE MATERIALIZED VIEW "mat
view" AS SELECT '\.'::text AS "\.";
COMMENT ON TABLE "\." IS E'\\.\n-- a comment\n\\connect template1\n';
COMMENT ON COLUMN "quo""te'd"."\" IS '\';
COMMENT ON SCHEMA "new
line" IS 'it''s "odd"';
