"""The systems of the papers; ``mer_tf.models.registry`` lists and builds them without importing TensorFlow first."""
