-- Changes of messages that a mail server refuses for good: looked for every second, and few.
CREATE INDEX mailbox_op_refused ON mailbox_op (account_id, workspace_id, created_at) WHERE state = 'failed' AND kind <> 'append_sent';
