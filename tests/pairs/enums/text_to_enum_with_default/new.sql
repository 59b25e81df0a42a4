CREATE TYPE ticket_status AS ENUM ('open', 'closed');
CREATE TABLE ticket (id integer PRIMARY KEY, status ticket_status NOT NULL DEFAULT 'open', kind text);
CREATE INDEX ticket_status ON ticket (status);
CREATE VIEW open_tickets AS SELECT id, status FROM ticket WHERE status = 'open';
