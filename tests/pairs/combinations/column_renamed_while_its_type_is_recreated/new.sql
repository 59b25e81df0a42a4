CREATE TYPE level AS ENUM ('one', 'two');
CREATE TABLE course (id integer PRIMARY KEY, level level NOT NULL DEFAULT 'two', note text);
CREATE INDEX course_level ON course (level);
CREATE VIEW beginners AS SELECT id, level FROM course WHERE level = 'one';
