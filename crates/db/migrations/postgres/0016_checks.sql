-- When every folder was last compared with the server, message by message, and all of it came to its end.
ALTER TABLE account ADD COLUMN compared_at BIGINT;
