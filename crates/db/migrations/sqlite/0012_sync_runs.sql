-- What passes over an account's folders came to, for people; the newest of each account are kept.
CREATE TABLE sync_run (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    account_id BLOB NOT NULL REFERENCES account (id),
    started_at INTEGER NOT NULL,
    ended_at INTEGER NOT NULL,
    -- Whether everything was compared message by message because somebody asked for it.
    compare INTEGER NOT NULL,
    fetched INTEGER NOT NULL,
    placed INTEGER NOT NULL,
    changed INTEGER NOT NULL,
    removed INTEGER NOT NULL,
    failed INTEGER NOT NULL,
    -- Changes of ours that the server took.
    pushed INTEGER NOT NULL,
    -- Passes alike, one after the other, are one row.
    passes INTEGER NOT NULL,
    -- Absent: it came to its end.
    reason TEXT,
    server_words TEXT
) STRICT;
CREATE INDEX sync_run_account ON sync_run (account_id, ended_at, id);
CREATE INDEX sync_run_age ON sync_run (ended_at);

-- A comparison that somebody asked for and that has not come to its end.
ALTER TABLE account ADD COLUMN compare_asked_at INTEGER;
-- Since when the import goes on that is going on, and where it began: its pace.
ALTER TABLE account ADD COLUMN sync_started_at INTEGER;
ALTER TABLE account ADD COLUMN sync_started_done INTEGER NOT NULL DEFAULT 0;
-- Grows whenever a comparison is asked for: a pass that began before does not call the folder seen.
ALTER TABLE folder ADD COLUMN compares INTEGER NOT NULL DEFAULT 0;
-- A person wants it tried again: it does not count as settled until it was.
ALTER TABLE failed_message ADD COLUMN waits INTEGER NOT NULL DEFAULT 0;
