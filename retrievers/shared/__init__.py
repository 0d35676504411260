"""What retrievers of every kind use."""
