"""Plan, workers, outcomes: the only code that calls a retriever."""
