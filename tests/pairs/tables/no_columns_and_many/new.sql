CREATE TABLE nothing (a integer);
CREATE TABLE one ();
