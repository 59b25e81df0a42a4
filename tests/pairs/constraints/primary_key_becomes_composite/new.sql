CREATE TABLE member (team integer NOT NULL, person integer NOT NULL, since date, PRIMARY KEY (team, person) INCLUDE (since), CONSTRAINT one_team UNIQUE (person) DEFERRABLE INITIALLY DEFERRED);
CREATE TABLE badge (person integer, n integer);
