"""mer-tf: facial micro-expression recognition, from annotated clips to a served model.

The verbs of the command ``mer`` as Python calls, with ``import mer_tf as mer``: ``mer.read``, ``mer.prepare``,
``mer.loso``, ``mer.evaluate``, ``mer.write_report``, ``mer.train``, ``mer.predict``, ``mer.list_models``,
``mer.list_recipes`` (``mer_tf.api``; they stay as they are between releases).

Further public are the names that these modules list in ``__all__`` or define without a leading underscore, and that
``examples/`` and the pages of ``docs/`` use:

* ``mer_tf.types`` and ``mer_tf.errors``: the data that travels between the parts, and the named errors;
* ``mer_tf.datasets``: readers, label mappings, published counts, the manifest;
* ``mer_tf.synthetic``: drawn clips in the layout of each dataset;
* ``mer_tf.recipes`` and ``mer_tf.preprocessing``: from the frames of a clip to the input of a network;
* ``mer_tf.records``: motion records;
* ``mer_tf.protocols`` and ``mer_tf.metrics``: folds, checks for leakage, scores, comparisons;
* ``mer_tf.systems.registry``: systems by name (``MODELS``, ``get_model_card``, ``build_model``);
* ``mer_tf.layers``: Keras layers of the papers;
* ``mer_tf.training``: settings, one fold, all folds, the final model;
* ``mer_tf.passport`` and ``mer_tf.export``: the record of a run, the SavedModel.

Packages bring networks and sets of their own by the entry points ``mer_tf.models`` and ``mer_tf.datasets``.

The other modules serve the command ``mer`` and the pages; they may change in any release.

Importing the package is quick and loads none of TensorFlow, TFX, Beam or dlib; a module that uses one of them loads it
when the module itself is imported, or when the function that needs it is called.
"""

import os as _os

from mer_tf.api import evaluate, list_models, list_recipes, loso, predict, prepare, read, sweep, train, write_report

__version__ = "0.1.0"
__all__ = [
    "evaluate",
    "list_models",
    "list_recipes",
    "loso",
    "predict",
    "prepare",
    "read",
    "sweep",
    "train",
    "write_report",
]

# ``mer_tf.components``, ``mer_tf.tfx_pipeline`` and ``mer_tf.serving``, which build on the library, lie inside this
# folder where the package is installed, and beside it in a checkout.
IN_CHECKOUT = not _os.path.isdir(_os.path.join(_os.path.dirname(__file__), "components"))
if IN_CHECKOUT:
    __path__.append(_os.path.dirname(_os.path.dirname(_os.path.abspath(__file__))))


def __getattr__(name: str):
    if name == "LosoRun":  # the name under which Kubeflow's containers look for the artifact type
        import importlib

        return importlib.import_module("mer_tf.components.artifacts").LosoRun
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
