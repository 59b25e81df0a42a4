CREATE TYPE size AS ENUM ('large', 'medium', 'small');
CREATE DOMAIN worn_size AS size DEFAULT 'medium' CHECK (VALUE <> 'large'::size);
CREATE TYPE fit AS (chest size, waist size);
CREATE TABLE shirt (
    id integer GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    s size NOT NULL DEFAULT 'small',
    all_sizes size[] DEFAULT ARRAY['small'::size, 'large'::size],
    worn worn_size,
    tailored fit,
    CONSTRAINT not_only_large CHECK (s <> 'large'::size OR all_sizes IS NOT NULL)
);
CREATE INDEX shirt_small ON shirt (id) WHERE s = 'small'::size;
CREATE UNIQUE INDEX shirt_s_id ON shirt (s, id);
CREATE FUNCTION next_size(s size DEFAULT 'small'::size) RETURNS size LANGUAGE sql IMMUTABLE AS $$ SELECT 'large'::size $$;
CREATE VIEW small_shirts AS SELECT id, s, next_size(s) AS bigger FROM shirt WHERE s < 'small'::size;
CREATE VIEW over_small AS SELECT bigger, count(*) AS n FROM small_shirts GROUP BY bigger;
GRANT SELECT ON over_small TO $maintenance;
COMMENT ON TYPE size IS 'as tailors name them';
