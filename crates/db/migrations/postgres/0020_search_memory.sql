-- Of SQLite's index only.
SELECT 1;
