CREATE TYPE level AS ENUM ('one', 'two', 'three');
CREATE TABLE course (id integer PRIMARY KEY, lvl level NOT NULL DEFAULT 'one', note text);
CREATE INDEX course_lvl ON course (lvl);
CREATE VIEW beginners AS SELECT id, lvl FROM course WHERE lvl = 'one';
