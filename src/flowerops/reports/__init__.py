"""Documents for people, rendered from facts: the evaluation report, its summary, and the model card."""
