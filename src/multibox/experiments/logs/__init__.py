"""Training runs in the logs of other programs: TensorBoard and MLflow. metrics.jsonl is always written too."""
