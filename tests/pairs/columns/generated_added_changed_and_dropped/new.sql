CREATE TABLE box (id integer PRIMARY KEY, w integer NOT NULL, h integer NOT NULL, area integer GENERATED ALWAYS AS (w * h + 1) STORED, half integer, label text GENERATED ALWAYS AS ('box ' || w::text) STORED);
CREATE INDEX box_area ON box (area);
CREATE VIEW boxes AS SELECT id, area FROM box;
