-- Conversations that probably belong together: answers that name nothing are few and found by their subject, everything else by its
-- time. An index of all subjects had another of its pages written for nearly each message of an import.
DROP INDEX message_subject;
CREATE INDEX message_bare_reply ON message (account_id, subject_key, received_at) WHERE bare_reply;
DROP INDEX message_received;
CREATE INDEX message_received ON message (account_id, received_at, id, subject_key);
