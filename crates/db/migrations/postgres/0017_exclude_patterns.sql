-- Senders whose mail is not linked to anything, as patterns with * and ?, in lower case.
CREATE TABLE exclude_pattern (
    account_id UUID NOT NULL REFERENCES account (id),
    pattern TEXT NOT NULL,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    created_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, pattern)
);
