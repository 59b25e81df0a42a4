-- Rows that hide from their own owner.
CREATE TABLE enabled (owner text, body text);
CREATE TABLE forced (owner text, body text);
INSERT INTO enabled VALUES ('somebody', 'a'), ('$migrator', 'b');
INSERT INTO forced VALUES ('somebody', 'c'), ('$migrator', 'd');
ALTER TABLE enabled ENABLE ROW LEVEL SECURITY;
ALTER TABLE forced ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON enabled USING (owner = current_user);
CREATE POLICY own ON forced USING (owner = current_user) WITH CHECK (owner <> 'nobody');
CREATE POLICY "re'ad ""all""" ON forced AS RESTRICTIVE FOR SELECT TO $app, $admin USING (true);
CREATE POLICY never ON forced AS PERMISSIVE FOR INSERT TO PUBLIC WITH CHECK (false);
COMMENT ON POLICY never ON forced IS 'nobody inserts here';
-- Without a policy nobody sees anything.
CREATE TABLE closed (n int);
INSERT INTO closed VALUES (1), (2);
ALTER TABLE closed ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE TABLE parted (n int, owner text) PARTITION BY LIST (n);
CREATE TABLE parted_1 PARTITION OF parted DEFAULT;
INSERT INTO parted VALUES (1, 'somebody');
ALTER TABLE parted ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE parted_1 ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
CREATE POLICY own ON parted_1 USING (owner = current_user);
-- A policy that looks into another table with policies.
CREATE POLICY by_look ON enabled FOR DELETE USING (EXISTS (SELECT FROM forced WHERE forced.owner = enabled.owner));
