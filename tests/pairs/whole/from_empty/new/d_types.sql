CREATE DOMAIN positive AS numeric(12, 2) CHECK (is_positive(VALUE));
CREATE TYPE kind AS ENUM ('credit', 'debit');
