"""Measurements: quality, statistics, chance, latency, memory, machine facts. Nothing here calls a retriever's methods."""
