"""The pipeline, its runners and its status: wiring only, the work is in ``mer_tf.components`` and ``mer_tf``.

Importing this package alone loads neither TFX nor TensorFlow.
"""

if not __name__.startswith("mer_tf."):  # in a checkout the folder itself can be found as well
    raise ImportError(f"import mer_tf.{__name__}, not {__name__}: what is imported under two names is there twice")
