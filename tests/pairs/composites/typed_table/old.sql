CREATE TYPE reading AS (at timestamp, value real);
CREATE TABLE readings OF reading (PRIMARY KEY (at));
