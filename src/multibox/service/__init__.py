"""The HTTP service and its page: detectors behind a bounded queue, with limits, metrics and logs."""
