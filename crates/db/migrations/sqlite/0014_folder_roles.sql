-- What folders are for, and who says so; how folders are known again; what the mailbox may hold.

-- What the server says, or the folder's name. "role" is what counts: by hand, else told, unless another folder has that by hand.
ALTER TABLE folder ADD COLUMN role_told TEXT;
UPDATE folder SET role_told = role;
-- What a person says.
ALTER TABLE folder ADD COLUMN role_by_hand TEXT;
-- MAILBOXID (RFC 8474): stays when the folder is renamed.
ALTER TABLE folder ADD COLUMN mailbox_id TEXT;

-- Octets that the mailbox uses and may use (RFC 9208); absent where the server does not say.
ALTER TABLE account ADD COLUMN quota_used INTEGER;
ALTER TABLE account ADD COLUMN quota_limit INTEGER;

-- X-GM-MSGID and X-GM-THRID, bit by bit, and X-GM-LABELS, a line each. Absent: the message was not told of by Gmail.
ALTER TABLE message ADD COLUMN gmail_id INTEGER;
ALTER TABLE message ADD COLUMN gmail_thread INTEGER;
ALTER TABLE message ADD COLUMN labels TEXT;
CREATE INDEX message_gmail ON message (account_id, gmail_id);
