INSERT INTO readings (at, value) VALUES ('2024-01-01 00:00', 1.5), ('2024-01-02 00:00', 2.5);
