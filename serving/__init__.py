"""Serving: an embedded gRPC server that speaks TensorFlow Serving's protocol, its client, and warm-up requests.

``mer_tf.serving.client`` needs neither TensorFlow nor ``tensorflow_serving``; ``mer_tf.serving.server`` needs both.
"""

if not __name__.startswith("mer_tf."):  # in a checkout the folder itself can be imported as well
    from mer_tf.aliases import same_as_below

    same_as_below(__name__)
