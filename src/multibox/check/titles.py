"""The title of each kind of problem, and what it means for training."""

TITLES: dict[str, tuple[str, str]] = {
    "all_difficult": (
        "Only difficult objects",
        "Evaluation ignores difficult objects, so these images count as empty.",
    ),
    "class_imbalance": ("Unbalanced classes", "The detector sees frequent classes far more often than rare ones."),
    "class_out_of_range": ("Class numbers without a name", "Training stops at a class that has no name."),
    "class_variants": ("One class under two names", "The detector would learn to distinguish two names of one thing."),
    "covers_everything": (
        "Boxes around the whole image",
        "Correct for a close-up, otherwise a sign of a wrong label.",
    ),
    "degenerate": (
        "Boxes without width or height",
        "Usually an accidental click. They are dropped when the data set is read.",
    ),
    "duplicate_across_splits": ("Images in several splits", "Another split has the same pixels under another name."),
    "duplicate_id": ("Ids that occur twice", "Their detections could not be told apart."),
    "duplicate_object": ("Objects labeled twice", "One detection matches only one of the two labels."),
    "duplicate_image": ("Images that occur twice", "Another image has the same pixels."),
    "empty": (
        "Images without objects",
        "They count as backgrounds, and SSD learns nothing from them.",
    ),
    "exif_rotation": (
        "Images rotated by EXIF",
        "Images are read upright, so labels made for the stored pixels are in the wrong place.",
    ),
    "few_objects": (
        "Classes with few objects",
        "Fewer than ten objects are hardly enough to learn a class or to measure it.",
    ),
    "in_no_split": ("Images in no split", "They are annotated, but no list contains them."),
    "inverted": (
        "Boxes with swapped corners",
        "The minimum is larger than the maximum. They are dropped when the data set is read.",
    ),
    "low_coverage": (
        "Classes that few priors cover",
        "Each of these objects learns from one prior that overlaps it poorly.",
    ),
    "missing_labels": ("Images without labels", "A background in the YOLO format; left out in other formats."),
    "missing_image": ("Missing images", "A list or an annotation names them, but the files do not exist."),
    "missing_size": ("Annotations without a size", "The size is read from the image."),
    "no_objects": ("No objects at all", "There is nothing to learn from."),
    "not_finite": ("Boxes that are not finite", "They are dropped when the data set is read."),
    "one_sided_class": (
        "Classes on one side of the held-out images",
        "A class without training images is not learned, one without held-out images is not scored.",
    ),
    "outside": ("Boxes beyond the image", "They are clipped to the image; boxes completely outside are dropped."),
    "skipped_entries": ("Messages from reading", "Some entries are probably not part of the data set."),
    "narrow_range": (
        "16-bit images that use a small part of their range",
        "They are nearly uniform in 8 bits; --stretch-16-bit maps the range of each image to 0 to 255.",
    ),
    "size_mismatch": ("Annotations for another image size", "The boxes are probably in the wrong places."),
    "split_overlap": ("Splits that overlap", "Evaluation on training images says nothing about new images."),
    "empty_split": ("Splits without images", "There is nothing to train or evaluate on."),
    "no_training_split": ("No split for training", "Training needs a choice with --split."),
    "passed_over": ("Entries that are not read", "They are not part of the data set."),
    "two_formats": ("Two formats fit", "The data set is read in the format with the stronger evidence."),
    "too_many_objects": ("Too many objects", "Training stops at these images."),
    "too_small": (
        "Objects too small for the model",
        "The smallest object of each class is shown. A larger input would help.",
    ),
    "two_classes": ("One box with two classes", "Usually a mistake; sometimes one object covers another exactly."),
    "undecodable": (
        "Images that do not decode",
        "Training skips them; evaluation counts their objects as missed.",
    ),
    "unknown_class": ("Unknown classes", "Training stops at a class that is not in the list."),
    "unknown_image": ("Annotations without an image", "Their images are not in the list of the file."),
    "unparsable": ("Annotations that cannot be read", "Training stops at these files."),
    "unreadable_split": ("Splits that cannot be read", "Training on such a split stops immediately."),
    "unused_class": ("Classes without objects", "The detector cannot learn to find them."),
    "zero_based": (
        "Pixels counted from 0",
        "VOC counts from 1, so the boxes are one pixel too far to the left and up.",
    ),
}


def title_of(kind: str) -> str:
    """The title of a kind of problem."""
    return TITLES[kind][0]


def meaning_of(kind: str) -> str:
    """One sentence about the effect of a kind of problem."""
    return TITLES[kind][1]
