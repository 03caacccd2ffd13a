-- How much of what was added waits to be merged into the tree is said by who adds: an import more than a message that comes in.
ALTER INDEX search_index_terms RESET (gin_pending_list_limit);
