-- Paused accounts, tags, and what is done with many accounts at once.

-- Set while a person has paused the account: the one place that says so. Both sides then count as paused, whatever connection has.
ALTER TABLE account ADD COLUMN paused_at BIGINT;

CREATE TABLE tag (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    name TEXT NOT NULL,
    -- The name in lower case: what makes it unique, and what lists of tags are ordered by.
    name_key TEXT NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX tag_name ON tag (workspace_id, name_key);

CREATE TABLE account_tag (
    tag_id UUID NOT NULL REFERENCES tag (id),
    account_id UUID NOT NULL REFERENCES account (id),
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    PRIMARY KEY (tag_id, account_id)
);
CREATE INDEX account_tag_of ON account_tag (account_id, tag_id);

-- Something that a person has done with many accounts at once, and how far it is.
CREATE TABLE bulk_run (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    user_id UUID NOT NULL REFERENCES "user" (id),
    action TEXT NOT NULL,
    -- No reference: a tag may go while others are still tagged.
    tag_id UUID,
    -- The ids of the accounts in their order, 16 bytes each.
    accounts BYTEA NOT NULL,
    -- A byte for each account that is done; written in the transaction that does it.
    outcomes BYTEA NOT NULL,
    created_at BIGINT NOT NULL,
    finished_at BIGINT,
    -- When it was taken back: once.
    undone_at BIGINT
);
CREATE INDEX bulk_run_created ON bulk_run (created_at);
CREATE INDEX bulk_run_open ON bulk_run (workspace_id) WHERE finished_at IS NULL;
