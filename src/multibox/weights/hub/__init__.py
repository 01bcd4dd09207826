"""Weights on the Hugging Face Hub: names, fetching, publishing with a model card."""
