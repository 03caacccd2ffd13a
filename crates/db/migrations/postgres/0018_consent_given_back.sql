-- What became of access that a sign-in brought and nobody keeps: a try of an app, a sign-in that did not end in an account.
ALTER TABLE oauth_flow ADD COLUMN given_back TEXT;
