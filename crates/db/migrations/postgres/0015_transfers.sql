-- Messages that somebody moves, copies or removes here: shown at once, done on the server by a mailbox operation.

-- Until its operation is done, such a message lies in its new folder under a UID below zero.
CREATE TABLE transfer (
    op_id UUID NOT NULL REFERENCES mailbox_op (id),
    -- Where it lies on the server; the UID is below zero while an earlier operation puts it there.
    folder_id UUID NOT NULL REFERENCES folder (id),
    uid BIGINT NOT NULL,
    workspace_id UUID NOT NULL REFERENCES workspace (id),
    account_id UUID NOT NULL REFERENCES account (id),
    message_id UUID NOT NULL REFERENCES message (id),
    -- What it is given back with, should the server refuse.
    seen BOOLEAN NOT NULL,
    flagged BOOLEAN NOT NULL,
    answered BOOLEAN NOT NULL,
    -- Absent: it is removed for good.
    to_folder_id UUID REFERENCES folder (id),
    to_uid BIGINT,
    PRIMARY KEY (op_id, folder_id, uid)
);
CREATE INDEX transfer_from ON transfer (folder_id, uid);
CREATE INDEX transfer_to ON transfer (to_folder_id, to_uid);
CREATE INDEX transfer_message ON transfer (message_id);
CREATE INDEX transfer_account ON transfer (account_id);

-- UIDNEXT of the target before the first try of an operation that the server cannot do in one: what was copied by a try that broke
-- off is found from there on.
ALTER TABLE mailbox_op ADD COLUMN target_uid_next BIGINT;

-- A message that was moved to a folder that is not copied stays shown until then, so that it can be brought back.
ALTER TABLE placement ADD COLUMN kept_until BIGINT;
CREATE INDEX placement_kept ON placement (account_id) WHERE kept_until IS NOT NULL;
CREATE INDEX placement_provisional ON placement (account_id) WHERE uid < 0;

-- Made here by the first message that was moved to it; the server does not list it yet.
ALTER TABLE folder ADD COLUMN made_here BOOLEAN NOT NULL DEFAULT FALSE;
