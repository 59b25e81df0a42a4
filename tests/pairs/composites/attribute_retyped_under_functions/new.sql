CREATE TYPE point3 AS (x double precision, y double precision, z double precision);
CREATE FUNCTION origin() RETURNS point3 LANGUAGE sql IMMUTABLE AS $$ SELECT ROW(0, 0, 0)::point3 $$;
CREATE FUNCTION norm(p point3) RETURNS double precision LANGUAGE sql IMMUTABLE AS $$ SELECT sqrt(p.x * p.x + p.y * p.y + p.z * p.z) $$;
CREATE VIEW zero AS SELECT norm(origin()) AS n;
