-- Many accounts connected from one file: the run, and each row of the file with what became of it.

CREATE TABLE import_run (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    user_id UUID NOT NULL REFERENCES "user" (id),
    file_name TEXT NOT NULL,
    state TEXT NOT NULL,
    -- What it was last started for.
    mode TEXT,
    -- Why it is over.
    ended TEXT,
    -- Counts the starts: a job of an earlier one does nothing any more.
    turn BIGINT NOT NULL,
    -- Rows that the last start took on.
    taken_on BIGINT NOT NULL,
    -- What is to be known of the file.
    notes JSONB NOT NULL,
    -- Hosts that a person agreed to.
    confirmed JSONB NOT NULL,
    created_at BIGINT NOT NULL,
    -- Its passwords are erased a day after this.
    touched_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX import_run_of ON import_run (workspace_id, user_id, created_at, id);
-- One at a time for each person.
CREATE UNIQUE INDEX import_run_open ON import_run (workspace_id, user_id) WHERE state <> 'ended';
CREATE INDEX import_run_ended ON import_run (ended_at);

CREATE TABLE import_row (
    id UUID PRIMARY KEY,
    run_id UUID NOT NULL REFERENCES import_run (id),
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    line BIGINT NOT NULL,
    address TEXT NOT NULL,
    -- The id that its account gets: after a crash it tells whether the account was added.
    account_id UUID NOT NULL,
    state TEXT NOT NULL,
    -- It waits for its turn in what was started.
    due BOOLEAN NOT NULL,
    -- What the file says, without passwords.
    asked JSONB NOT NULL,
    -- Its servers, once they are known.
    servers JSONB,
    problems JSONB NOT NULL,
    -- Sealed passwords, until they are no longer needed.
    secret_imap BYTEA,
    secret_smtp BYTEA
);
CREATE INDEX import_row_of ON import_row (run_id, line, id);
CREATE INDEX import_row_sealed ON import_row (id) WHERE secret_imap IS NOT NULL OR secret_smtp IS NOT NULL;
