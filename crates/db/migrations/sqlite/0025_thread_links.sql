-- What ties messages together, once for each Message-ID and not once for each message that names it, as an import writes less then. It stays
-- as long as its thread has a message, so that a removed message parts nothing of what comes after.
CREATE TABLE thread_link (
    -- The first half of a BLAKE3 hash of the account and a Message-ID.
    link BLOB PRIMARY KEY,
    thread_id BLOB NOT NULL,
    workspace_id BLOB NOT NULL REFERENCES workspace (id)
) STRICT, WITHOUT ROWID;
INSERT INTO thread_link (link, thread_id, workspace_id)
    SELECT l.link, MIN(m.thread_id), MIN(m.workspace_id) FROM message_link l JOIN message m ON m.id = l.message_id GROUP BY l.link;
CREATE INDEX thread_link_thread ON thread_link (thread_id);
DROP TABLE message_link;

CREATE TRIGGER thread_gone AFTER DELETE ON message BEGIN
    DELETE FROM thread_link WHERE thread_id = old.thread_id AND NOT EXISTS (SELECT 1 FROM message m WHERE m.thread_id = old.thread_id);
END;
