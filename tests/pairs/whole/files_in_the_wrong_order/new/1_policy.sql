ALTER TABLE task ENABLE ROW LEVEL SECURITY;
CREATE POLICY of_owner ON task USING (owner = current_user);
