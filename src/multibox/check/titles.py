"""What each kind of problem is called, and what it means for training, for people."""

TITLES: dict[str, tuple[str, str]] = {
    "all_difficult": (
        "Only difficult objects",
        "Evaluation ignores difficult objects, so these count as empty.",
    ),
    "class_imbalance": ("Unequal classes", "The detector sees the frequent classes far more often than the rare ones."),
    "class_out_of_range": ("Class numbers beyond the names", "Training stops at a class that has no name."),
    "class_variants": ("One class under two names", "The detector would learn to tell apart what is the same."),
    "covers_everything": (
        "Boxes around the whole image",
        "Right for a close view, else a sign of a wrong label.",
    ),
    "degenerate": ("Boxes without width or height", "Mostly a click by mistake. Reading drops them."),
    "duplicate_across_splits": ("Images shared by splits", "The same pixels under another name in another split."),
    "duplicate_id": ("Ids that occur twice", "Detections could not be told apart."),
    "duplicate_object": ("Objects labeled twice", "Detecting the object once leaves a second one unfound."),
    "duplicate_image": ("Images that occur twice", "The same pixels under another name."),
    "empty": (
        "Images without objects",
        "They count as backgrounds, from which SSD learns nothing.",
    ),
    "exif_rotation": ("Images turned by EXIF", "Images are shown upright; labels made for the stored pixels miss."),
    "few_objects": ("Classes with few objects", "Ten objects are hardly enough to learn or to measure anything."),
    "in_no_split": ("Images in no split", "They are annotated, but no list names them."),
    "inverted": ("Boxes with swapped corners", "The minimum is larger than the maximum. Reading drops them."),
    "low_coverage": ("Classes that the priors hardly reach", "These objects learn from one prior each, a poor one."),
    "missing_labels": ("Images without labels", "In YOLO's format a background, in others left out."),
    "missing_image": ("Images that are missing", "Something names or labels them, but they are not there."),
    "missing_size": ("Annotations without a size", "The size is taken from the image."),
    "no_objects": ("No objects at all", "There is nothing to learn."),
    "not_finite": ("Boxes that are no numbers", "Reading drops them."),
    "outside": ("Boxes beyond the image", "They are cut at the border; those wholly outside are dropped."),
    "passed_over": ("Passed over in reading", "What these lines name is not part of the data set."),
    "size_mismatch": ("Annotations for another size", "The boxes most likely lie in the wrong places."),
    "split_overlap": ("Splits that overlap", "Evaluation on images of training says nothing about new ones."),
    "too_small": ("Objects too small for the model", "Shown is the smallest of each class; a larger input sees more."),
    "two_classes": ("One place, two classes", "Two objects on the same spot: a mistake, unless one carries the other."),
    "undecodable": (
        "Images that do not decode",
        "Training passes over them, evaluation counts them as missed.",
    ),
    "unknown_class": ("Classes that do not exist", "Training stops at a class that is not in the list."),
    "unknown_image": ("Annotations without an image", "They belong to images that the file does not list."),
    "unparsable": ("Annotations that cannot be read", "Training stops at these files."),
    "unreadable_split": ("Splits that cannot be read", "Training on such a split stops at once."),
    "unused_class": ("Classes without objects", "Their detector will never learn to find them."),
    "zero_based": (
        "Pixels that count from 0",
        "VOC counts from 1; the boxes are a pixel too far left and up.",
    ),
}


def title_of(kind: str) -> str:
    """The heading for a kind of problem."""
    return TITLES[kind][0]


def meaning_of(kind: str) -> str:
    """One sentence about what a kind of problem does."""
    return TITLES[kind][1]
