-- Sign-in by OAuth 2.0: apps, grants, and the flows in which a person consents.

-- How a side signs in: 'password' (its secret) or 'oauth' (the account's grant).
ALTER TABLE connection ADD COLUMN auth TEXT NOT NULL DEFAULT 'password';

-- An app that a workspace registered with a provider for itself. Those of the operator are in the configuration.
CREATE TABLE oauth_app (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    -- The provider's name in our table or in the configuration.
    provider TEXT NOT NULL,
    name TEXT NOT NULL,
    client_id TEXT NOT NULL,
    -- Sealed; absent for a public client, and after the key was lost.
    client_secret BYTEA,
    -- What stands for {tenant} in the provider's addresses; empty: as the provider has it.
    tenant TEXT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX oauth_app_workspace ON oauth_app (workspace_id, provider, id);

-- An app that its provider refuses: told once, whatever the number of accounts that use it.
CREATE TABLE oauth_fault (
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    provider TEXT NOT NULL,
    -- The app's id, or 'operator'.
    app TEXT NOT NULL,
    code TEXT NOT NULL,
    server_words TEXT NOT NULL,
    since_at BIGINT NOT NULL,
    PRIMARY KEY (workspace_id, provider, app)
);

-- What a person consented to, for one account.
CREATE TABLE oauth_grant (
    account_id UUID PRIMARY KEY REFERENCES account (id),
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    provider TEXT NOT NULL,
    -- Absent: the operator's app.
    app_id UUID REFERENCES oauth_app (id),
    -- Who consented, in the provider's terms; empty where it does not say.
    identity TEXT NOT NULL,
    -- What the provider calls them.
    shown TEXT NOT NULL,
    -- Sealed: the refresh token, the one before it, the access token. Absent after the key was lost.
    tokens BYTEA,
    -- When the next access token is fetched, and when this one ends.
    renew_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    -- Grows with every change of the tokens.
    generation BIGINT NOT NULL,
    created_at BIGINT NOT NULL,
    updated_at BIGINT NOT NULL
);
CREATE INDEX oauth_grant_identity ON oauth_grant (workspace_id, identity);
CREATE INDEX oauth_grant_app ON oauth_grant (app_id);

-- A person on their way through the provider's pages.
CREATE TABLE oauth_flow (
    id UUID PRIMARY KEY,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    user_id UUID REFERENCES "user" (id),
    -- The account that is reconnected; absent for a new one.
    account_id UUID,
    provider TEXT NOT NULL,
    app_id UUID,
    -- SHA-256 of the browser's cookie, and of the state that the provider brings back.
    browser_hash BYTEA NOT NULL,
    state_hash BYTEA NOT NULL UNIQUE,
    -- Sealed: verifier and nonce, later the code. Absent once it ended.
    secrets BYTEA,
    -- What the account shall be.
    wish JSONB NOT NULL,
    state TEXT NOT NULL,
    -- Why it failed, as people read it.
    problem JSONB,
    created_at BIGINT NOT NULL,
    expires_at BIGINT NOT NULL,
    ended_at BIGINT
);
CREATE INDEX oauth_flow_expires ON oauth_flow (expires_at);
