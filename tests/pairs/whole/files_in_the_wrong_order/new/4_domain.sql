CREATE DOMAIN label AS text CHECK (VALUE <> '');
