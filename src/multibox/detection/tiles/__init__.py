"""Detection in tiles of large images, for objects that are small at the size of the network input."""
