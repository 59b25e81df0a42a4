CREATE TABLE ticket (id integer PRIMARY KEY, status text NOT NULL DEFAULT 'open', kind text);
CREATE INDEX ticket_status ON ticket (status);
CREATE VIEW open_tickets AS SELECT id, status FROM ticket WHERE status = 'open';
