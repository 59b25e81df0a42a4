CREATE TYPE mood AS ENUM ('ok', 'bad');
CREATE TYPE spot AS (x integer, y integer);
CREATE TYPE ranges.span AS RANGE (subtype = integer);
