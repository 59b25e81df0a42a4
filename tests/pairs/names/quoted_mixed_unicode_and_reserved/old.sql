CREATE SCHEMA "Sch.ema ""x""";
CREATE TABLE "Sch.ema ""x"""."select" ("from" integer PRIMARY KEY, "Größe" text, "a b" integer, "per""cent%" integer);
CREATE TABLE "user" ("order" integer PRIMARY KEY, "user" integer REFERENCES "user", "Table" text);
CREATE VIEW "group" AS SELECT "order", "user" AS "select" FROM "user";
