"""How good a detector is.

`evaluate` runs a detector or takes detections, `metrics` has a file for each metric that is known by name, `voc` and
`coco` compute average precision, and `evaluation` is the result. `results` reads and writes detections in common file
formats; `analysis` examines errors.
"""
