-- The foundation: workspaces and people, accounts and their connections, the local copy of the
-- mailbox, what is to be sent, and the machinery beneath (jobs, leases, events).
--
-- Ids are UUIDv7. Times are microseconds since 1970 in UTC and end in _at.
-- Every table has workspace_id but those that stand above workspaces (a test lists them).

CREATE TABLE workspace (
    id UUID PRIMARY KEY,
    name TEXT NOT NULL,
    time_zone TEXT NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE "user" (
    id UUID PRIMARY KEY,
    email TEXT NOT NULL,
    -- The address lower-cased: what makes it unique.
    email_key TEXT NOT NULL UNIQUE,
    name TEXT NOT NULL,
    password_hash TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE membership (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    user_id UUID NOT NULL REFERENCES "user" (id),
    role TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, user_id)
);
CREATE INDEX membership_user ON membership (user_id);

CREATE TABLE session (
    id UUID PRIMARY KEY,
    -- SHA-256 of the cookie's token; the token itself is nowhere.
    token_hash BYTEA NOT NULL UNIQUE,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    user_id UUID NOT NULL REFERENCES "user" (id),
    created_at BIGINT NOT NULL,
    last_seen_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL
);
CREATE INDEX session_by_user ON session (user_id);

-- Links that work once: the first start's setup link, the demo's sign-in link.
CREATE TABLE one_time_link (
    id UUID PRIMARY KEY,
    token_hash BYTEA NOT NULL UNIQUE,
    purpose TEXT NOT NULL,
    user_id UUID REFERENCES "user" (id),
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    used_at BIGINT
);

CREATE TABLE audit (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    actor_id UUID,
    action TEXT NOT NULL,
    -- What it was done to, as people name it; stays when the thing is gone.
    subject TEXT NOT NULL,
    detail JSONB NOT NULL,
    at BIGINT NOT NULL
);
CREATE INDEX audit_at ON audit (workspace_id, at);

-- One sealed text a key: a wrong or missing key is noticed at start, before anything is sealed with it.
CREATE TABLE vault_canary (
    key_id BIGINT PRIMARY KEY,
    sealed BYTEA NOT NULL,
    created_at BIGINT NOT NULL
);

CREATE TABLE job (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    kind TEXT NOT NULL,
    -- At most one live job a lane, in order.
    lane TEXT NOT NULL,
    -- At most one waiting job a kind and key.
    dedup TEXT,
    payload JSONB NOT NULL,
    priority BIGINT NOT NULL,
    run_at BIGINT NOT NULL,
    attempt BIGINT NOT NULL,
    lease_token UUID,
    lease_until BIGINT,
    last_error TEXT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX job_dedup ON job (kind, dedup) WHERE dedup IS NOT NULL;
CREATE UNIQUE INDEX job_live_lane ON job (lane) WHERE lease_token IS NOT NULL;
CREATE INDEX job_lane ON job (lane, priority, run_at);
CREATE INDEX job_run_at ON job (run_at);

-- Who owns what for a while. The epoch grows with each new owner; writers check it.
CREATE TABLE lease (
    name TEXT PRIMARY KEY,
    -- The node's id; the node's own heartbeat is the row `node:<id>`.
    holder TEXT NOT NULL,
    epoch BIGINT NOT NULL,
    until_at BIGINT NOT NULL
);

-- News, written in the causing transaction. seq is given after commit, by one sequencer.
CREATE TABLE event (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    kind TEXT NOT NULL,
    account_id UUID,
    payload JSONB NOT NULL,
    created_at BIGINT NOT NULL,
    seq BIGINT UNIQUE
);
CREATE INDEX event_unsequenced ON event (id) WHERE seq IS NULL;

-- How far each reader has come; the sequencer's own row is the last number given.
CREATE TABLE event_cursor (
    subscriber TEXT PRIMARY KEY,
    seq BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);

CREATE TABLE account (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    -- Absent: the whole team's.
    user_id UUID REFERENCES "user" (id),
    -- A copy of the member's name, empty for the team: the list sorts by it. Who changes the name writes it here too.
    user_name TEXT NOT NULL,
    address TEXT NOT NULL,
    address_key TEXT NOT NULL,
    display_name TEXT NOT NULL,
    provider TEXT NOT NULL,
    provider_name TEXT NOT NULL,
    -- What the list sorts by.
    provider_key TEXT NOT NULL GENERATED ALWAYS AS (provider || ' ' || provider_name) STORED,
    -- Address and names in lower case: what the list's search looks at.
    search_text TEXT NOT NULL,
    import_days BIGINT NOT NULL,
    -- User name and host that the local copy was made with: UIDs of another mailbox mean nothing here. Empty: none yet.
    copied_from TEXT NOT NULL,
    -- The worse of the two sides of connection, for the list.
    status TEXT NOT NULL,
    -- The worst first.
    status_rank BIGINT NOT NULL GENERATED ALWAYS AS (CASE status WHEN 'reconnect_required' THEN 0 WHEN 'disconnected' THEN 1
        WHEN 'paused' THEN 2 WHEN 'connecting' THEN 3 ELSE 4 END) STORED,
    sync_stage TEXT NOT NULL,
    sync_done BIGINT NOT NULL,
    sync_total BIGINT NOT NULL,
    sent_total BIGINT NOT NULL,
    -- Sent on sent_day (a date in the workspace's time zone); another day means none today.
    sent_today BIGINT NOT NULL,
    sent_day TEXT NOT NULL,
    -- 0 to 100; absent: not measured yet.
    health BIGINT,
    health_key BIGINT NOT NULL GENERATED ALWAYS AS (COALESCE(health, -1)) STORED,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL,
    -- Set when deletion has begun; such an account is shown to nobody.
    closing_at BIGINT
);
CREATE UNIQUE INDEX account_address ON account (workspace_id, address_key);
-- One for each order of the list, with the very terms of its ORDER BY.
CREATE INDEX account_by_provider ON account (workspace_id, provider_key, id);
CREATE INDEX account_by_user ON account (workspace_id, user_name, id);
CREATE INDEX account_by_health ON account (workspace_id, health_key, id);
CREATE INDEX account_by_sent ON account (workspace_id, sent_total, id);
CREATE INDEX account_by_status ON account (workspace_id, status_rank, id);
CREATE INDEX account_by_created ON account (workspace_id, created_at, id);
-- What the figures above the list, and the count of its rows, are made from without looking at the rows.
CREATE INDEX account_open ON account (workspace_id, user_id, status, provider) WHERE closing_at IS NULL;

-- What was sent with an account's address, through us or elsewhere, once a Message-ID: what "emails sent" counts.
CREATE TABLE sent_message (
    account_id UUID NOT NULL REFERENCES account (id),
    message_id TEXT NOT NULL,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    -- 'here' or 'elsewhere'.
    via TEXT NOT NULL,
    sent_at BIGINT NOT NULL,
    PRIMARY KEY (account_id, message_id)
);

-- How an account reaches its servers, a row a side: 'receive' (IMAP) and 'send' (SMTP).
CREATE TABLE connection (
    account_id UUID NOT NULL REFERENCES account (id),
    side TEXT NOT NULL,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    host TEXT NOT NULL,
    port BIGINT NOT NULL,
    encryption TEXT NOT NULL,
    username TEXT NOT NULL,
    -- The password, sealed; absent after the key was lost.
    secret BYTEA,
    state TEXT NOT NULL,
    reason TEXT,
    server_words TEXT,
    since_at BIGINT NOT NULL,
    -- Attempts that failed since it last worked.
    failures BIGINT NOT NULL,
    next_attempt_at BIGINT,
    -- Grows with each change of servers or password: a late failure of the old ones is ignored.
    generation BIGINT NOT NULL,
    PRIMARY KEY (account_id, side)
);

CREATE TABLE folder (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    account_id UUID NOT NULL REFERENCES account (id),
    name TEXT NOT NULL,
    delimiter TEXT NOT NULL,
    role TEXT,
    selected BOOLEAN NOT NULL,
    uid_validity BIGINT,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX folder_name ON folder (account_id, name);

-- One row per distinct content in an account; where it lies is placement.
CREATE TABLE message (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    account_id UUID NOT NULL REFERENCES account (id),
    -- BLAKE3 of the stored bytes: the blob's key.
    blob BYTEA NOT NULL,
    size BIGINT NOT NULL,
    -- The Message-ID header with its brackets; empty when there is none.
    message_id TEXT NOT NULL,
    in_reply_to TEXT NOT NULL,
    subject TEXT NOT NULL,
    from_name TEXT NOT NULL,
    from_address TEXT NOT NULL,
    to_people JSONB NOT NULL,
    snippet TEXT NOT NULL,
    -- When the server received it: what lists are ordered by.
    received_at BIGINT NOT NULL,
    has_attachments BOOLEAN NOT NULL,
    -- The server's message was larger than we store.
    truncated BOOLEAN NOT NULL,
    created_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX message_blob ON message (account_id, blob);
CREATE INDEX message_received ON message (account_id, received_at, id);
CREATE INDEX message_header_id ON message (account_id, message_id);

CREATE TABLE placement (
    folder_id UUID NOT NULL REFERENCES folder (id),
    uid BIGINT NOT NULL,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    account_id UUID NOT NULL REFERENCES account (id),
    message_id UUID NOT NULL REFERENCES message (id),
    seen BOOLEAN NOT NULL,
    flagged BOOLEAN NOT NULL,
    answered BOOLEAN NOT NULL,
    -- A copy of message.received_at, so that a folder's page is one index walk.
    received_at BIGINT NOT NULL,
    PRIMARY KEY (folder_id, uid)
);
CREATE INDEX placement_received ON placement (folder_id, received_at, message_id);
CREATE INDEX placement_message ON placement (message_id);
CREATE INDEX placement_account ON placement (account_id, received_at);

-- Everything that others want done in the mailbox. Only the owner of the session does it, in order of id.
CREATE TABLE mailbox_op (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    account_id UUID NOT NULL REFERENCES account (id),
    kind TEXT NOT NULL,
    payload JSONB NOT NULL,
    state TEXT NOT NULL,
    attempts BIGINT NOT NULL,
    error TEXT,
    created_at BIGINT NOT NULL,
    next_attempt_at BIGINT NOT NULL
);
CREATE INDEX mailbox_op_waiting ON mailbox_op (account_id, id) WHERE state = 'waiting';

-- The outbox: the row is the queue.
CREATE TABLE outgoing (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    account_id UUID NOT NULL REFERENCES account (id),
    user_id UUID REFERENCES "user" (id),
    state TEXT NOT NULL,
    idempotency_key TEXT NOT NULL,
    -- BLAKE3 of what was asked: the same key with another request is a conflict.
    request_hash BYTEA NOT NULL,
    message_id TEXT NOT NULL,
    from_address TEXT NOT NULL,
    subject TEXT NOT NULL,
    blob BYTEA NOT NULL,
    size BIGINT NOT NULL,
    attempts BIGINT NOT NULL,
    next_attempt_at BIGINT,
    reason TEXT,
    server_words TEXT,
    sent_at BIGINT,
    -- The operation that files the copy in the Sent folder; absent where there is none to file.
    sent_op_id UUID,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE UNIQUE INDEX outgoing_idempotency ON outgoing (workspace_id, idempotency_key);
CREATE INDEX outgoing_account ON outgoing (account_id, created_at, id);
CREATE INDEX outgoing_queue ON outgoing (account_id, next_attempt_at) WHERE state IN ('queued', 'sending');

CREATE TABLE outgoing_recipient (
    outgoing_id UUID NOT NULL REFERENCES outgoing (id),
    position BIGINT NOT NULL,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    name TEXT NOT NULL,
    address TEXT NOT NULL,
    state TEXT NOT NULL,
    server_words TEXT,
    PRIMARY KEY (outgoing_id, position)
);

-- One try. marked_at is durable before the first byte of the body leaves.
CREATE TABLE send_attempt (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    account_id UUID NOT NULL REFERENCES account (id),
    outgoing_id UUID NOT NULL REFERENCES outgoing (id),
    marked_at BIGINT NOT NULL,
    settled_at BIGINT,
    outcome TEXT,
    server_words TEXT
);
CREATE INDEX send_attempt_outgoing ON send_attempt (outgoing_id);
