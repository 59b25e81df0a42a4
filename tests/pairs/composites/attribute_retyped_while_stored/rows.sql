INSERT INTO ledger VALUES (1, ROW(5, 'EUR')), (2, ROW(7, 'USD'));
