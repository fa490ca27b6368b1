"""The pipeline, its runners and its status: wiring only, the work is in ``components`` and ``mer_tf``.

Importing this package alone loads neither TFX nor TensorFlow.
"""
