CREATE TABLE member (team integer NOT NULL, person integer NOT NULL, since date, PRIMARY KEY (person));
CREATE TABLE badge (person integer REFERENCES member, n integer);
