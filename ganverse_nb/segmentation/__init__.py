"""Object masks of pictures by Mask R-CNN, and the paper's filter on them (section 3.1)."""
