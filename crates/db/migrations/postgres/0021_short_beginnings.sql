-- Only for SQLite: PostgreSQL finds beginnings in its index as it is.
SELECT 1;
