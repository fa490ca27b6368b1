"""Serving: an embedded gRPC server that speaks TensorFlow Serving's protocol, its client, and warm-up requests.

``mer_tf.serving.client`` needs neither TensorFlow nor ``tensorflow_serving``; ``mer_tf.serving.server`` needs both.
"""

if not __name__.startswith("mer_tf."):  # in a checkout the folder itself can be found as well
    raise ImportError(f"import mer_tf.{__name__}, not {__name__}: what is imported under two names is there twice")
