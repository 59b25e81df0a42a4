CREATE TYPE severity AS ENUM ('trace', 'low', 'medium', 'high', 'fatal');
CREATE TABLE alert (id bigint PRIMARY KEY, level severity NOT NULL, was severity[]);
CREATE INDEX alert_level ON alert (level DESC);
CREATE INDEX alert_high ON alert (id) WHERE level > 'low'::severity;
CREATE VIEW urgent AS SELECT id, level FROM alert WHERE level >= 'high'::severity;
