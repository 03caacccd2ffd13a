-- The folder that a copy was moved out of by people here: undoing takes that copy back, and no other of the same message. No reference, as
-- the folder may go.
ALTER TABLE placement ADD COLUMN moved_from UUID;
