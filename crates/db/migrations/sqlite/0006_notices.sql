-- What people are told about: outages and recoveries of accounts, faults of the installation. And the mail about it.

CREATE TABLE notice (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    kind TEXT NOT NULL,
    -- 'readers': whoever may read one of its accounts; 'admins': they alone.
    audience TEXT NOT NULL,
    -- What is told once.
    dedup TEXT NOT NULL,
    -- Accounts that fail for the same reason at the same time are one notice; absent: not an outage.
    gather TEXT,
    -- Codes and names, no sentences.
    facts TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    resolved_at INTEGER
) STRICT;
CREATE UNIQUE INDEX notice_dedup ON notice (workspace_id, dedup);
CREATE INDEX notice_newest ON notice (workspace_id, id);
CREATE INDEX notice_gather ON notice (workspace_id, gather, created_at);
CREATE INDEX notice_resolved ON notice (resolved_at);

-- Accounts that do not work, from the first failure until they have worked for a while again.
CREATE TABLE outage (
    account_id BLOB PRIMARY KEY REFERENCES account (id),
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    began_at INTEGER NOT NULL,
    -- Absent while it does not work. One that fails again soon goes on with the same outage.
    working_since_at INTEGER,
    -- The notice that tells of it, and the worst state that was told; absent: nothing was told yet.
    notice_id BLOB REFERENCES notice (id),
    told TEXT
) STRICT;
CREATE INDEX outage_notice ON outage (notice_id);

-- The accounts that a notice is about.
CREATE TABLE notice_account (
    notice_id BLOB NOT NULL REFERENCES notice (id),
    account_id BLOB NOT NULL REFERENCES account (id),
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    -- Absent while it does not work.
    working_at INTEGER,
    PRIMARY KEY (notice_id, account_id)
) STRICT;
CREATE INDEX notice_account_account ON notice_account (account_id);

-- How far a member has read, and whether they want mail.
CREATE TABLE notice_person (
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    user_id BLOB NOT NULL REFERENCES "user" (id),
    read_until BLOB,
    mails INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
) STRICT;

-- The account that an admin chose for the workspace's system mail.
CREATE TABLE notice_sender (
    workspace_id BLOB PRIMARY KEY REFERENCES workspace (id),
    account_id BLOB NOT NULL REFERENCES account (id),
    chosen_by BLOB NOT NULL REFERENCES "user" (id),
    chosen_at INTEGER NOT NULL
) STRICT;

-- Who is to be told of which notice by mail: once a person and notice.
CREATE TABLE notice_mail (
    notice_id BLOB NOT NULL REFERENCES notice (id),
    user_id BLOB NOT NULL REFERENCES "user" (id),
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    due_at INTEGER NOT NULL,
    state TEXT NOT NULL,
    PRIMARY KEY (notice_id, user_id)
) STRICT;
CREATE INDEX notice_mail_waiting ON notice_mail (due_at) WHERE state = 'waiting';

-- Mail of the program itself. marked_at is durable before the first byte of the body leaves.
CREATE TABLE system_mail (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    user_id BLOB NOT NULL REFERENCES "user" (id),
    -- The account that it leaves from; absent: the operator's server.
    account_id BLOB,
    to_address TEXT NOT NULL,
    subject TEXT NOT NULL,
    body TEXT NOT NULL,
    html TEXT NOT NULL,
    message_id TEXT NOT NULL,
    state TEXT NOT NULL,
    attempts INTEGER NOT NULL,
    next_attempt_at INTEGER NOT NULL,
    marked_at INTEGER,
    server_words TEXT,
    created_at INTEGER NOT NULL,
    settled_at INTEGER
) STRICT;
CREATE INDEX system_mail_queue ON system_mail (next_attempt_at) WHERE state IN ('queued', 'sending');
CREATE INDEX system_mail_person ON system_mail (workspace_id, user_id, created_at);
CREATE INDEX system_mail_settled ON system_mail (settled_at);
CREATE INDEX system_mail_account ON system_mail (account_id) WHERE account_id IS NOT NULL;

-- The sides that are looked at every second.
CREATE INDEX connection_failing ON connection (account_id, side) WHERE state IN ('disconnected', 'reconnect_required');
