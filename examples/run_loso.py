"""Leave-one-subject-out cross-validation, pooled scores, and the passport of the run.

python examples/run_loso.py MOTION_FOLDER OUT [MODEL] [EPOCHS] [SEED]
"""

import sys
import time

from mer_tf.datasets import get_mapping
from mer_tf.metrics.tables import format_scores
from mer_tf.passport import write_passport
from mer_tf.recipes import get_recipe
from mer_tf.systems.registry import get_model_card
from mer_tf.training import TrainConfig, read_motion_records, run_loso


def main(motion: str, out: str, model: str = "ststnet", epochs: str = "5", seed: str = "1") -> None:
    start = time.perf_counter()
    config = TrainConfig.from_preset(model, "paper", epochs=int(epochs), seed=int(seed))
    data = read_motion_records(motion, get_recipe(get_model_card(model).recipe))
    predictions = run_loso(data, config, out)  # finished folds in `out` are used again
    classes = get_mapping(data.mapping).classes
    passport = write_passport(
        out,
        predictions=predictions,
        classes=classes,
        config=config.to_json(),
        recipe=data.recipe,
        data_fingerprint=data.fingerprint,
        protocol="loso",
        wall_seconds=time.perf_counter() - start,
        mapping=data.mapping,
        synthetic=data.synthetic,
        partial=data.partial,
    )
    print(format_scores(passport["metrics"], classes))


if __name__ == "__main__":
    main(*sys.argv[1:])
