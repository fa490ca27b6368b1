"""TFX components around ``mer_tf``: one folder each, with the specification, the work, and a page.

Import what you use, for example ``from mer_tf.components.loso_trainer.component import LosoTrainer``: each import
brings TFX and TensorFlow with it, so this package itself imports nothing.
"""

if not __name__.startswith("mer_tf."):  # in a checkout the folder itself can be imported as well
    from mer_tf.aliases import same_as_below

    same_as_below(__name__)
