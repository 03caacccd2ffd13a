-- What a folder was like when all of it had been taken over, so that the next pass asks only for what changed since.

-- All absent: the folder is compared message by message.
ALTER TABLE folder ADD COLUMN seen_uid_next BIGINT;
ALTER TABLE folder ADD COLUMN seen_messages BIGINT;
-- Absent as well where the server keeps no mod-sequences (RFC 7162).
ALTER TABLE folder ADD COLUMN seen_modseq BIGINT;
-- The import window that it was taken over with: with another one it is compared again.
ALTER TABLE folder ADD COLUMN seen_import_days BIGINT;

-- BLAKE3 of the header as it was received: with Message-ID and size it tells that a message under a new UID is one we have.
ALTER TABLE message ADD COLUMN header_hash BYTEA;

-- Messages that could not be fetched. They stop nothing; a person can have them tried again.
CREATE TABLE failed_message (
    folder_id UUID NOT NULL REFERENCES folder (id),
    uid BIGINT NOT NULL,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    account_id UUID NOT NULL REFERENCES account (id),
    class TEXT NOT NULL,
    server_words TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    failed_at BIGINT NOT NULL,
    PRIMARY KEY (folder_id, uid)
);
CREATE INDEX failed_message_account ON failed_message (account_id, failed_at);
