"""Detections of any number of images as Parquet files, one for each shard of the list of images."""
