"""Hook of the stock Evaluator: judge the predictions in the records, load no model."""

from __future__ import annotations


def custom_eval_shared_model(**unused):
    """No model to run: the records carry what each fold's model said of the clips it had not seen.

    The Evaluator is still given the final model's channel, because its blessing must name the model that may be
    pushed; the figures are those of the fold models, trained with the same configuration.
    """
    return None
