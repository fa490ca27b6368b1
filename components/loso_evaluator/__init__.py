"""What the stock Evaluator needs to judge pooled predictions: metrics, configuration, hook."""
