CREATE TABLE beta (n date);
CREATE TABLE gamma (m text);
CREATE SEQUENCE alpha;
