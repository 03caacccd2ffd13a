-- Octets of terms that are gathered before they are written: at 1 MB, as by default, a batch of an import was written in several
-- segments, which were merged right after.
INSERT INTO search_index (search_index, rank) VALUES ('hashsize', 16777216);
