-- What ties messages together, once for each Message-ID and not once for each message that names it, as an import writes less then. It stays
-- as long as its thread has a message, so that a removed message parts nothing of what comes after.
CREATE TABLE thread_link (
    -- The first half of a BLAKE3 hash of the account and a Message-ID.
    link BYTEA PRIMARY KEY,
    thread_id UUID NOT NULL,
    workspace_id UUID NOT NULL REFERENCES workspace (id)
);
INSERT INTO thread_link (link, thread_id, workspace_id)
    SELECT DISTINCT ON (l.link) l.link, m.thread_id, m.workspace_id FROM message_link l JOIN message m ON m.id = l.message_id
    ORDER BY l.link, m.thread_id;
CREATE INDEX thread_link_thread ON thread_link (thread_id);
DROP TABLE message_link;

CREATE FUNCTION thread_gone() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    DELETE FROM thread_link l USING (SELECT DISTINCT thread_id FROM gone) g
    WHERE l.thread_id = g.thread_id AND NOT EXISTS (SELECT 1 FROM message m WHERE m.thread_id = g.thread_id);
    RETURN NULL;
END
$$;
CREATE TRIGGER thread_gone AFTER DELETE ON message REFERENCING OLD TABLE AS gone FOR EACH STATEMENT EXECUTE FUNCTION thread_gone();
