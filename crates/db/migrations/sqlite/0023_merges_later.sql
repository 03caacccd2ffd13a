-- An import writes a segment of the index for each megabyte of terms: with 64 of them, the most that FTS5 takes, all terms are written
-- once more for every 64 megabytes, not for every 16.
INSERT INTO search_index (search_index, rank) VALUES ('automerge', 64);
