-- Kilobytes of terms that are gathered before they are sorted into the tree: with 256 a batch of an import paid for that five times.
ALTER INDEX search_index_terms SET (gin_pending_list_limit = 2048);
