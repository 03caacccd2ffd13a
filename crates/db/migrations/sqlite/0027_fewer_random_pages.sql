-- An import writes another page of these indexes for nearly each message: they are smaller now, or gone, so that more of them stays in
-- memory.
-- A body within its account. Twelve octets of a BLAKE3 hash are its own, and eight of an account's id are random.
DROP INDEX message_blob;
CREATE UNIQUE INDEX message_content ON message (substr(account_id, 9), substr(blob, 1, 12));
-- Messages are found by their Message-ID through thread_link; those without one by their size.
DROP INDEX message_header_id;
CREATE INDEX message_nameless ON message (account_id, size) WHERE message_id = '';
DROP INDEX message_gmail;
CREATE INDEX message_gmail ON message (account_id, gmail_id) WHERE gmail_id IS NOT NULL;
