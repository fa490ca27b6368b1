"""TFX components around ``mer_tf``: one folder each, with the specification, the work, and a page.

Import what you use, for example ``from components.loso_trainer.component import LosoTrainer``: each import brings
TFX and TensorFlow with it, so this package itself imports nothing.
"""
