CREATE TABLE member (org integer, person text);
CREATE TABLE doc (id integer PRIMARY KEY, org integer, title varchar(20));
CREATE FUNCTION orgs() RETURNS SETOF integer LANGUAGE sql STABLE SECURITY DEFINER AS $$ SELECT org FROM member WHERE person = current_user $$;
ALTER TABLE doc ENABLE ROW LEVEL SECURITY;
CREATE POLICY mine ON doc USING (org IN (SELECT orgs()) AND title <> '');
CREATE POLICY direct ON doc FOR UPDATE USING (EXISTS (SELECT 1 FROM member m WHERE m.org = doc.org));
