CREATE TYPE float_range AS RANGE (subtype = double precision);
CREATE TYPE text_range AS RANGE (subtype = text, collation = "C", multirange_type_name = text_ranges);
CREATE TABLE band (id integer PRIMARY KEY, r float_range, EXCLUDE USING gist (r WITH &&));
CREATE TABLE shelf (id integer PRIMARY KEY, letters text_ranges);
