CREATE DOMAIN positive AS integer;
ALTER DOMAIN positive ADD CONSTRAINT above CHECK (VALUE > 0);
CREATE TABLE counter (n positive);
