"""TFX components around ``mer_tf``: one folder each, with the specification, the work, and a page.

Import what you use, for example ``from mer_tf.components.loso_trainer.component import LosoTrainer``: each import
brings TFX and TensorFlow with it, so this package itself imports nothing.
"""

if not __name__.startswith("mer_tf."):  # in a checkout the folder itself can be found as well
    raise ImportError(f"import mer_tf.{__name__}, not {__name__}: what is imported under two names is there twice")
