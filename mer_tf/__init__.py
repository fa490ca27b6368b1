"""mer-tf: facial micro-expression recognition, from annotated clips to a served model.

Importing the package is quick and needs none of TensorFlow, TFX, Beam or dlib; modules that use them
import them when they are imported themselves.
"""

__version__ = "0.1.0"
