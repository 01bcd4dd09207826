"""Names in the packed folder that is copied to the machine with the GPU."""

DATA = "voc_animals.tar.gz"
WHEELS = "wheels"
