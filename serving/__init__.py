"""Serving: an embedded gRPC server that speaks TensorFlow Serving's protocol, its client, and warm-up requests.

``serving.client`` needs neither TensorFlow nor ``tensorflow_serving``; ``serving.server`` needs both.
"""
