-- When an account left this grant for passwords: it is given back to the provider, and then forgotten.
ALTER TABLE oauth_grant ADD COLUMN left_at INTEGER;

-- When the run began that this one takes back: what was paused at another moment was not paused by it.
ALTER TABLE bulk_run ADD COLUMN undoes_at INTEGER;
