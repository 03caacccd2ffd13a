-- Full-text search. Terms are made by the program; the index only keeps them.

-- One for each message that can be found. Its id is the second in which the message was received, and below that a number of its
-- own: the order of the ids is the order of the results.
CREATE TABLE search_entry (
    id INTEGER PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    account_id BLOB NOT NULL REFERENCES account (id),
    message_id BLOB NOT NULL UNIQUE REFERENCES message (id) ON DELETE CASCADE
) STRICT;
CREATE INDEX search_entry_account ON search_entry (account_id, id);
CREATE INDEX search_entry_workspace ON search_entry (workspace_id, id);

-- Blanks end a term and nothing else does: signs that stand in terms are letters here. Short beginnings have lists of their own:
-- put together from those of a thousand words they took half a second.
CREATE VIRTUAL TABLE search_index USING fts5 (terms, content = '', contentless_delete = 1, prefix = '2 3', tokenize = "ascii tokenchars '._%+-@:'");

-- What is gone is found no more, however it went.
CREATE TRIGGER search_entry_gone AFTER DELETE ON search_entry BEGIN
    DELETE FROM search_index WHERE rowid = old.id;
END;

-- Accounts that had mail before there was a search: what is older than this message is not in the index yet.
CREATE TABLE search_backlog (
    account_id BLOB PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    before_at INTEGER NOT NULL,
    before_id BLOB NOT NULL
) STRICT;
INSERT INTO search_backlog (account_id, workspace_id, before_at, before_id)
    SELECT id, workspace_id, 9223372036854775807, X'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF' FROM account;
