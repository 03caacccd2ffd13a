-- Conversations. Those of mail from before are put together in the background: until then each message is one of its own.

ALTER TABLE message ADD COLUMN thread_id UUID NOT NULL DEFAULT '00000000-0000-0000-0000-000000000000';
-- The subject as it is compared, without prefixes and tags; empty: like no other.
ALTER TABLE message ADD COLUMN subject_key TEXT NOT NULL DEFAULT '';
-- It began as an answer does and names no message that it answers: only its subject says which.
ALTER TABLE message ADD COLUMN bare_reply BOOLEAN NOT NULL DEFAULT FALSE;
UPDATE message SET thread_id = id;
CREATE INDEX message_thread ON message (thread_id, received_at, id);
CREATE INDEX message_subject ON message (account_id, subject_key, received_at) WHERE subject_key <> '';

-- What ties messages together: the first half of a BLAKE3 hash of the account and a Message-ID, the message's own or one that it
-- names. All messages of an account that share one are in one thread.
CREATE TABLE message_link (
    link BYTEA NOT NULL,
    message_id UUID NOT NULL REFERENCES message (id) ON DELETE CASCADE,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    PRIMARY KEY (link, message_id)
);
CREATE INDEX message_link_message ON message_link (message_id);

-- Accounts that had mail before there were conversations: what is older than this message has no links yet.
CREATE TABLE thread_backlog (
    account_id UUID PRIMARY KEY REFERENCES account (id) ON DELETE CASCADE,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    before_at BIGINT NOT NULL,
    before_id UUID NOT NULL
);
INSERT INTO thread_backlog (account_id, workspace_id, before_at, before_id)
    SELECT id, workspace_id, 9223372036854775807, 'ffffffff-ffff-ffff-ffff-ffffffffffff' FROM account;
