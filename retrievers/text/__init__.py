"""From text to tokens: the analysis that lexical and neural retrievers share."""
