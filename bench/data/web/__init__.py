"""Remote collections: polite requests, resumable downloads, archives that cannot do harm."""
