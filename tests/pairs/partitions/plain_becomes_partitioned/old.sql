CREATE TABLE m (id integer NOT NULL, at date NOT NULL, v numeric);
CREATE INDEX m_at ON m (at);
CREATE VIEW mv AS SELECT at, sum(v) AS v FROM m GROUP BY at;
