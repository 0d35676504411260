"""One retriever per file; a file dropped in here is found by its name. Folders hold what several of them share."""
