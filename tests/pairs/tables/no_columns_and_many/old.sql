CREATE TABLE nothing ();
CREATE TABLE one (a integer);
