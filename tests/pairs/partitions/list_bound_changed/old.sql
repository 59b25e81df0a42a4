CREATE TABLE c (id integer, country text) PARTITION BY LIST (country);
CREATE TABLE c_eu PARTITION OF c FOR VALUES IN ('de', 'fr');
CREATE TABLE c_us PARTITION OF c FOR VALUES IN ('us', NULL);
