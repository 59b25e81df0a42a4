CREATE TABLE t (id integer PRIMARY KEY, owner text, n integer);
ALTER TABLE t ENABLE ROW LEVEL SECURITY;
CREATE POLICY roles ON t FOR SELECT TO $app, $maintenance USING (owner = current_user OR n IS NULL);
CREATE POLICY command ON t FOR DELETE USING (n > 0);
CREATE POLICY kind ON t AS RESTRICTIVE USING (n > 1);
CREATE POLICY checked ON t FOR INSERT TO $app WITH CHECK (n > 22);
CREATE POLICY unchecked ON t FOR ALL USING (n > 3);
COMMENT ON POLICY unchecked ON t IS 'for all';
