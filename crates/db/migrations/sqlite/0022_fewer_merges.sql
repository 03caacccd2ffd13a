-- Segments of the index that lie beside one another before they are merged into one: at 4, as by default, an import wrote each term
-- three times again; a search looks into all of them, and has time for it. No merge is done all at once, however many there are.
INSERT INTO search_index (search_index, rank) VALUES ('automerge', 16);
INSERT INTO search_index (search_index, rank) VALUES ('crisismerge', 1000);
