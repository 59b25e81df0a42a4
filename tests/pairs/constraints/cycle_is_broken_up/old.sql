CREATE TABLE dept (id integer PRIMARY KEY, boss integer);
CREATE TABLE emp (id integer PRIMARY KEY, dept integer NOT NULL REFERENCES dept);
ALTER TABLE dept ADD CONSTRAINT dept_boss FOREIGN KEY (boss) REFERENCES emp ON DELETE SET NULL;
