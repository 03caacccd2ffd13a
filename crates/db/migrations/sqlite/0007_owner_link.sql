-- Links with which a mailbox's owner connects it without signing in.

CREATE TABLE owner_link (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    -- Who made it: the account is connected in their name, while they still may.
    user_id BLOB NOT NULL REFERENCES "user" (id),
    -- The account that is reconnected; absent for a new one, until it is connected.
    account_id BLOB,
    -- SHA-256 of the token: nobody can make the link of it again.
    token_hash BLOB NOT NULL UNIQUE,
    -- Address, servers and the rest of what nobody changes with the link.
    pinned TEXT NOT NULL,
    -- Tests and sign-ins that were begun with it.
    tries INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER,
    revoked_at INTEGER
) STRICT;
CREATE INDEX owner_link_maker ON owner_link (workspace_id, user_id, expires_at);
CREATE INDEX owner_link_account ON owner_link (account_id);
CREATE INDEX owner_link_expires ON owner_link (expires_at);

-- The link by which a person came to the provider's pages; their flow has no user.
ALTER TABLE oauth_flow ADD COLUMN link_id BLOB;
