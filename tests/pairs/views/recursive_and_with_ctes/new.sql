CREATE TABLE node (id bigint PRIMARY KEY, parent bigint);
CREATE RECURSIVE VIEW path (id, depth, trail) AS SELECT id, 1, ARRAY[id] FROM node WHERE parent IS NULL UNION ALL SELECT n.id, p.depth + 1, p.trail || n.id FROM node n JOIN path p ON n.parent = p.id WHERE NOT n.id = ANY (p.trail);
