"""What the neural retrievers share: vocabulary, word vectors, batches, losses, training loop, exact cosine search."""
