"""Outcomes to tables, figures and markdown: pure, no torch, no retriever, no recomputation of results."""
