-- What the metrics count at each scrape, and what the retention looks for, found without a walk through whole tables.

CREATE INDEX outgoing_uncertain ON outgoing (account_id) WHERE state = 'uncertain';
CREATE INDEX mailbox_op_settled ON mailbox_op (created_at) WHERE state IN ('done', 'failed');
CREATE INDEX send_attempt_settled ON send_attempt (settled_at);
