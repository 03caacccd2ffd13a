-- Many accounts connected from one file: the run, and each row of the file with what became of it.

CREATE TABLE import_run (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    user_id BLOB NOT NULL REFERENCES "user" (id),
    file_name TEXT NOT NULL,
    state TEXT NOT NULL,
    -- What it was last started for.
    mode TEXT,
    -- Why it is over.
    ended TEXT,
    -- Counts the starts: a job of an earlier one does nothing any more.
    turn INTEGER NOT NULL,
    -- Rows that the last start took on.
    taken_on INTEGER NOT NULL,
    -- What is to be known of the file.
    notes TEXT NOT NULL,
    -- Hosts that a person agreed to.
    confirmed TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    -- Its passwords are erased a day after this.
    touched_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX import_run_of ON import_run (workspace_id, user_id, created_at, id);
-- One at a time for each person.
CREATE UNIQUE INDEX import_run_open ON import_run (workspace_id, user_id) WHERE state <> 'ended';
CREATE INDEX import_run_ended ON import_run (ended_at);

CREATE TABLE import_row (
    id BLOB PRIMARY KEY,
    run_id BLOB NOT NULL REFERENCES import_run (id),
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    line INTEGER NOT NULL,
    address TEXT NOT NULL,
    -- The id that its account gets: after a crash it tells whether the account was added.
    account_id BLOB NOT NULL,
    state TEXT NOT NULL,
    -- It waits for its turn in what was started.
    due INTEGER NOT NULL,
    -- What the file says, without passwords.
    asked TEXT NOT NULL,
    -- Its servers, once they are known.
    servers TEXT,
    problems TEXT NOT NULL,
    -- Sealed passwords, until they are no longer needed.
    secret_imap BLOB,
    secret_smtp BLOB
) STRICT;
CREATE INDEX import_row_of ON import_row (run_id, line, id);
CREATE INDEX import_row_sealed ON import_row (id) WHERE secret_imap IS NOT NULL OR secret_smtp IS NOT NULL;
