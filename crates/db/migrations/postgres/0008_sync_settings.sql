-- What people decide about an account's copy: how often, which folders, how far back.

-- Minutes between full passes over all chosen folders.
ALTER TABLE account ADD COLUMN sync_minutes BIGINT NOT NULL DEFAULT 5;
-- When somebody last changed what is copied: the owner makes a full pass for each new value, at once.
-- import_days 0: everything.
ALTER TABLE account ADD COLUMN pass_asked_at BIGINT;

-- What the server said when it would not open the folder; absent: it opens.
ALTER TABLE folder ADD COLUMN refused TEXT;
-- Messages in it on the server, and when they were counted; absent: not yet, or the server does not say.
ALTER TABLE folder ADD COLUMN server_messages BIGINT;
ALTER TABLE folder ADD COLUMN counted_at BIGINT;
