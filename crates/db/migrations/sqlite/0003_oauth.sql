-- Sign-in by OAuth 2.0: apps, grants, and the flows in which a person consents.

-- How a side signs in: 'password' (its secret) or 'oauth' (the account's grant).
ALTER TABLE connection ADD COLUMN auth TEXT NOT NULL DEFAULT 'password';

-- An app that a workspace registered with a provider for itself. Those of the operator are in the configuration.
CREATE TABLE oauth_app (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    -- The provider's name in our table or in the configuration.
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    client_id TEXT NOT NULL,
    -- Sealed; absent for a public client, and after the key was lost.
    client_secret BLOB,
    -- What stands for {tenant} in the provider's addresses; empty: as the provider has it.
    tenant TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_app_workspace ON oauth_app (workspace_id, provider, id);

-- An app that its provider refuses: told once, whatever the number of accounts that use it.
CREATE TABLE oauth_fault (
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    provider TEXT NOT NULL,
    -- The app's id, or 'operator'.
    app TEXT NOT NULL,
    code TEXT NOT NULL,
    server_words TEXT NOT NULL,
    since_at INTEGER NOT NULL,
    PRIMARY KEY (workspace_id, provider, app)
) STRICT;

-- What a person consented to, for one account.
CREATE TABLE oauth_grant (
    account_id BLOB PRIMARY KEY REFERENCES account (id),
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    provider TEXT NOT NULL,
    -- Absent: the operator's app.
    app_id BLOB REFERENCES oauth_app (id),
    -- Who consented, in the provider's terms; empty where it does not say.
    identity TEXT NOT NULL,
    -- What the provider calls them.
    shown TEXT NOT NULL,
    -- Sealed: the refresh token, the one before it, the access token. Absent after the key was lost.
    tokens BLOB,
    -- When the next access token is fetched, and when this one ends.
    renew_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    -- Grows with every change of the tokens.
    generation INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    updated_at INTEGER NOT NULL
) STRICT;
CREATE INDEX oauth_grant_identity ON oauth_grant (workspace_id, identity);
CREATE INDEX oauth_grant_app ON oauth_grant (app_id);

-- A person on their way through the provider's pages.
CREATE TABLE oauth_flow (
    id BLOB PRIMARY KEY,
    workspace_id BLOB NOT NULL REFERENCES workspace (id),
    user_id BLOB REFERENCES "user" (id),
    -- The account that is reconnected; absent for a new one.
    account_id BLOB,
    provider TEXT NOT NULL,
    app_id BLOB,
    -- SHA-256 of the browser's cookie, and of the state that the provider brings back.
    browser_hash BLOB NOT NULL,
    state_hash BLOB NOT NULL UNIQUE,
    -- Sealed: verifier and nonce, later the code. Absent once it ended.
    secrets BLOB,
    -- What the account shall be.
    wish TEXT NOT NULL,
    state TEXT NOT NULL,
    -- Why it failed, as people read it.
    problem TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    ended_at INTEGER
) STRICT;
CREATE INDEX oauth_flow_expires ON oauth_flow (expires_at);
