CREATE TYPE float_range AS RANGE (subtype = double precision, subtype_diff = float8mi);
CREATE TABLE band (id integer PRIMARY KEY, r float_range, EXCLUDE USING gist (r WITH &&));
