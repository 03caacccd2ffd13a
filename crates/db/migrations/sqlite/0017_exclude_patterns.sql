-- Senders whose mail is not linked to anything, as patterns with * and ?, in lower case.
CREATE TABLE exclude_pattern (
    account_id BLOB NOT NULL REFERENCES account (id),
    pattern TEXT NOT NULL,
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    created_at INTEGER NOT NULL,
    PRIMARY KEY (account_id, pattern)
) STRICT;
