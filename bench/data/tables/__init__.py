"""Files of records: rows, encodings, columns, and the formats of TREC."""
