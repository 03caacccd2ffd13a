-- Messages are found by their Message-ID through thread_link; those without one by their size.
DROP INDEX message_header_id;
CREATE INDEX message_nameless ON message (account_id, size) WHERE message_id = '';
DROP INDEX message_gmail;
CREATE INDEX message_gmail ON message (account_id, gmail_id) WHERE gmail_id IS NOT NULL;
