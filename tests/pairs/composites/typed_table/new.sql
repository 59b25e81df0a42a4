CREATE TYPE reading AS (at timestamp, value real, unit text);
CREATE TABLE readings OF reading (PRIMARY KEY (at), unit WITH OPTIONS DEFAULT 'K');
