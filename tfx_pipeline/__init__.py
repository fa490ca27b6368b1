"""The pipeline, its runners and its status: wiring only, the work is in ``mer_tf.components`` and ``mer_tf``.

Importing this package alone loads neither TFX nor TensorFlow.
"""

if not __name__.startswith("mer_tf."):  # in a checkout the folder itself can be imported as well
    from mer_tf.aliases import same_as_below

    same_as_below(__name__)
