"""MotionTransform: frames to motion (faces, alignment, optical flow, strain)."""
