"""Detections in the file formats that people exchange; `files` recognizes the format."""
