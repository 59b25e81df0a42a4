CREATE TYPE role_kind AS ENUM ('guest', 'member', 'admin');
CREATE TABLE account (id integer PRIMARY KEY, kind role_kind NOT NULL DEFAULT 'guest');
ALTER TABLE account ENABLE ROW LEVEL SECURITY;
CREATE POLICY guests ON account FOR SELECT TO $app USING (kind = 'guest'::role_kind);
CREATE FUNCTION touch() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RETURN NEW; END $$;
CREATE TRIGGER to_admin BEFORE UPDATE ON account FOR EACH ROW WHEN (NEW.kind = 'admin'::role_kind AND OLD.kind IS DISTINCT FROM NEW.kind) EXECUTE FUNCTION touch();
CREATE PROCEDURE promote(who integer, k role_kind) LANGUAGE sql AS $$ UPDATE account SET kind = k WHERE id = who $$;
CREATE RULE no_admins AS ON DELETE TO account WHERE OLD.kind = 'admin'::role_kind DO INSTEAD NOTHING;
