"""From the clips of a table to motion records, in this process or spread over a few of its own.

The pipeline's component ``MotionTransform`` does the same by the same functions, with Beam as its engine. Worker
processes import ``worker`` alone, so this package itself imports nothing.
"""
