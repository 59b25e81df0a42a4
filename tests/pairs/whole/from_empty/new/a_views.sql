CREATE VIEW totals AS SELECT c.id, c.name, sum(l.amount) AS total FROM customer c JOIN ledger l ON l.customer = c.id GROUP BY c.id, c.name;
CREATE MATERIALIZED VIEW totals_of_all AS SELECT sum(total) AS total FROM totals;
