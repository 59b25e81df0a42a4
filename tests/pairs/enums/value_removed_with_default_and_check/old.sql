CREATE TYPE state AS ENUM ('new', 'legacy', 'done');
CREATE TABLE job (id bigint PRIMARY KEY, state state NOT NULL DEFAULT 'new', CHECK (state <> 'done' OR id > 0));
CREATE INDEX job_open ON job (id) WHERE state = 'new';
