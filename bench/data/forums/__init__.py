"""Forums and question-and-answer sites: threads, how they are pulled, and which post solves them."""
