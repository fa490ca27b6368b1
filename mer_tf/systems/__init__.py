"""The systems of the papers; ``mer_tf.systems.registry`` lists and builds them without importing TensorFlow first."""
