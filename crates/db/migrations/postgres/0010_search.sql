-- Full-text search. Terms are made by the program; the index only keeps them.

-- One for each message that can be found. Its id is the second in which the message was received, and below that a number of its
-- own: the order of the ids is the order of the results.
CREATE TABLE search_entry (
    id BIGINT PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    account_id UUID NOT NULL REFERENCES account (id),
    message_id UUID NOT NULL UNIQUE REFERENCES message (id) ON DELETE CASCADE
);
CREATE INDEX search_entry_account ON search_entry (account_id, id);
CREATE INDEX search_entry_workspace ON search_entry (workspace_id, id);

-- What is gone is found no more, however it went.
CREATE TABLE search_index (
    id BIGINT PRIMARY KEY REFERENCES search_entry (id) ON DELETE CASCADE,
    terms TSVECTOR NOT NULL
);
-- What was added and not merged yet is read by every search: a little of it at most.
CREATE INDEX search_index_terms ON search_index USING gin (terms) WITH (gin_pending_list_limit = 256);

-- Accounts that had mail before there was a search: what is older than this message is not in the index yet.
CREATE TABLE search_backlog (
    account_id UUID PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    before_at BIGINT NOT NULL,
    before_id UUID NOT NULL
);
INSERT INTO search_backlog (account_id, workspace_id, before_at, before_id)
    SELECT id, workspace_id, 9223372036854775807, 'ffffffff-ffff-ffff-ffff-ffffffffffff' FROM account;
