INSERT INTO queue (name) VALUES ('mail'), ('pdf');
INSERT INTO job (queue, state, payload) VALUES ('mail', 'waiting', '{"to": "a"}'), ('mail', 'running', '{}'), ('pdf', 'done', '[]');
REFRESH MATERIALIZED VIEW load;
