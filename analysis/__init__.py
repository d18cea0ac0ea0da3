"""What is true of a release, with an error rate; what to do about it is the engine's business."""
