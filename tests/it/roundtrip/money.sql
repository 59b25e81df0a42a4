-- Money is written as the locale of its session has it: 1.234,56 here is a hundredth of that elsewhere.
ALTER DATABASE $database SET lc_monetary = 'de_DE.UTF-8';
ALTER DATABASE $database SET lc_numeric = 'de_DE.UTF-8';
ALTER DATABASE $database SET lc_time = 'de_DE.UTF-8';
SET lc_monetary = 'C';
SET ROLE $migrator;
CREATE TABLE prices (item text, price money, prices money[]);
INSERT INTO prices VALUES ('a', 1234.56, ARRAY[0.01, -1000000]::money[]), ('b', -0.99, NULL), ('c', NULL, '{}'), ('d', 1000, NULL);
