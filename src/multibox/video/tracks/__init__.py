"""Tracks: one object followed through the frames of a video, and counts of tracks."""
