-- A partition whose rows lie elsewhere: the others come back, and nobody connects to where it lies.
CREATE EXTENSION postgres_fdw;
CREATE SERVER far FOREIGN DATA WRAPPER postgres_fdw OPTIONS (host '127.0.0.1', port '1');
CREATE USER MAPPING FOR postgres SERVER far OPTIONS (user 'somebody', password 'hush');
CREATE TABLE parted (n int, t text) PARTITION BY LIST (n);
CREATE TABLE parted_here PARTITION OF parted FOR VALUES IN (1);
CREATE FOREIGN TABLE parted_far PARTITION OF parted FOR VALUES IN (2) SERVER far;
INSERT INTO parted VALUES (1, 'here');
