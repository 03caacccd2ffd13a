-- Short beginnings of words are terms of their own now, each once a message: the lists that FTS5 made of them held every place of
-- every word, and made an import write three times as much. The index is built anew in the background, newest mail first.
DROP TRIGGER search_entry_gone;
DELETE FROM search_entry;
DROP TABLE search_index;
CREATE VIRTUAL TABLE search_index USING fts5 (terms, content = '', contentless_delete = 1, tokenize = "ascii tokenchars '._%+-@:'");
INSERT INTO search_index (search_index, rank) VALUES ('hashsize', 16777216);
CREATE TRIGGER search_entry_gone AFTER DELETE ON search_entry BEGIN
    DELETE FROM search_index WHERE rowid = old.id;
END;
INSERT OR REPLACE INTO search_backlog (account_id, workspace_id, before_at, before_id)
    SELECT id, workspace_id, 9223372036854775807, X'FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF' FROM account;
