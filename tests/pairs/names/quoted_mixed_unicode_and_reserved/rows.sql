INSERT INTO "Sch.ema ""x"""."select" ("from", "Größe", "a b", "per""cent%") VALUES (1, 'groß', 1, 1), (2, 'klein', 2, 2);
INSERT INTO "user" VALUES (1, 1, 'x');
