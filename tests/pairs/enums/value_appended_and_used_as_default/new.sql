CREATE TYPE mood AS ENUM ('sad', 'ok', 'happy');
CREATE TABLE person (id integer PRIMARY KEY, feeling mood NOT NULL DEFAULT 'happy');
CREATE INDEX person_happy ON person (id) WHERE feeling = 'happy';
