"""Writes the Markdown files of the web site: the guides, and reference pages made from the code."""
