"""From the tensors of a clip to its feature: which tensors each feature takes, and what is fitted on training clips."""

from __future__ import annotations

import concurrent.futures
import dataclasses
import functools
import multiprocessing
import warnings
from collections.abc import Callable, Mapping, Sequence

import numpy as np

from mer_tf.errors import MerError
from mer_tf.handcrafted import bi_woof, fdm, hog3d, hog_top, hoof, lbp_sip, lbp_top, mdmo, sparse_mdmo
from mer_tf.handcrafted.common import FeatureWarning

Tensors = Mapping[str, np.ndarray]


@dataclasses.dataclass(frozen=True)
class Extractor:
    """One feature.

    Attributes:
        config: Settings class.
        extract: From the tensors of one clip (names of the recipe's network inputs) and settings to an array.
        fitted: Class with ``fit(arrays)`` and ``transform(arrays)`` that turns the clips' arrays into features, made
            with (settings, seed); None where the array is the feature.
    """

    config: type
    extract: Callable[[Tensors, object], np.ndarray]
    fitted: Callable | None = None


def _face(tensors: Tensors) -> tuple[np.ndarray, np.ndarray]:
    return tensors["face"][..., :2], tensors["face"][..., 2]


def _phase(tensors: Tensors, config) -> np.ndarray:
    return bi_woof.bi_woof_phase(*_face(tensors), tensors["onset"][..., 0], tensors["apex"][..., 0], config)


def _mdmo_frames(tensors: Tensors, config) -> np.ndarray:
    return mdmo.mdmo_frames(tensors["flow"], tensors["landmarks"], mdmo.MdmoConfig(config.beta, config.align))


# Name of the feature's function -> how it is taken.
EXTRACTORS = {
    "bi_woof": Extractor(bi_woof.BiWoofConfig, lambda t, config: bi_woof.bi_woof(*_face(t), config)),
    "bi_woof_phase": Extractor(bi_woof.BiWoofConfig, _phase),
    "fdm": Extractor(fdm.FdmConfig, lambda t, config: fdm.fdm(t["flow"], config)),
    "hog3d": Extractor(hog3d.Hog3dConfig, lambda t, config: hog3d.hog3d(t["frames"][..., 0], config)),
    "hog_top": Extractor(hog_top.HogTopConfig, lambda t, config: hog_top.hog_top(t["frames"][..., 0], config)),
    "hoof": Extractor(hoof.HoofConfig, lambda t, config: hoof.hoof(t["flow"], config)),
    "lbp_sip": Extractor(lbp_sip.LbpSipConfig, lambda t, config: lbp_sip.lbp_sip(t["frames"][..., 0], config)),
    "lbp_top": Extractor(lbp_top.LbpTopConfig, lambda t, config: lbp_top.lbp_top(t["frames"][..., 0], config)),
    "mdmo": Extractor(mdmo.MdmoConfig, lambda t, config: mdmo.mdmo(t["flow"], t["landmarks"], config)),
    "sparse_mdmo": Extractor(
        sparse_mdmo.SparseMdmoConfig, _mdmo_frames, lambda config, seed: sparse_mdmo.SparseCoder(config, seed=seed)
    ),
}


def extract_clips(name: str, config, clips: Sequence[Tensors], workers: int = 1) -> list[tuple[np.ndarray, list[str]]]:
    """The feature's array of each clip.

    Args:
        name: Entry of ``EXTRACTORS``.
        config: Its settings.
        clips: Tensors of each clip.
        workers: Processes; 1 works in this one.

    Returns:
        Per clip its array and what it was warned of.

    Raises:
        ValueError: A clip does not suit the settings.
        MerError: A process ended early.
    """
    work = functools.partial(_extract, name, config)
    if workers <= 1 or len(clips) < 2 * workers:
        return [work(clip) for clip in clips]
    # Spawned: a forked child of a process with TensorFlow's threads may hang.
    context = multiprocessing.get_context("spawn")
    with concurrent.futures.ProcessPoolExecutor(workers, mp_context=context) as pool:
        try:
            return list(pool.map(work, clips, chunksize=max(1, min(8, len(clips) // (2 * workers)))))
        except concurrent.futures.process.BrokenProcessPool as error:
            raise MerError("a process ended early (often out of memory); run again with fewer workers") from error


def _extract(name: str, config, tensors: Tensors) -> tuple[np.ndarray, list[str]]:
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("ignore")
        warnings.simplefilter("always", FeatureWarning)
        array = EXTRACTORS[name].extract(tensors, config)
    return array, [str(one.message) for one in caught]
