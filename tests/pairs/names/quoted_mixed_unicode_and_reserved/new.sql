CREATE SCHEMA "Sch.ema ""x""";
CREATE TYPE "Sch.ema ""x"""."Enum.Type" AS ENUM ('a.b', 'c"d', 'e''f', '');
CREATE TABLE "Sch.ema ""x"""."select" ("from" bigint PRIMARY KEY, "Größe" varchar(30) COLLATE "C" NOT NULL DEFAULT 'ä', "a b" integer CHECK ("a b" > 0), "per""cent%" integer UNIQUE, "enum" "Sch.ema ""x"""."Enum.Type" DEFAULT '');
CREATE INDEX "Index 'one'" ON "Sch.ema ""x"""."select" ("a b" DESC) WHERE "Größe" <> '';
CREATE TABLE "user" ("order" bigint PRIMARY KEY, "user" bigint REFERENCES "user", "Table" text);
COMMENT ON COLUMN "user"."order" IS '"';
CREATE VIEW "group" AS SELECT "order", "user" AS "select", "Table" FROM "user";
