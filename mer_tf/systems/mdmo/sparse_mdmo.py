"""Sparse MDMO: MDMO of single frames coded by a dictionary that is fitted on the training clips."""

from __future__ import annotations

import dataclasses
from collections.abc import Sequence

import numpy as np

from mer_tf.checks import number, one_of, whole
from mer_tf.systems.feature import Extractor
from mer_tf.systems.mdmo.mdmo import MdmoConfig, mdmo_frames

_SWEEPS = 5  # passes over the atoms within one round
_CODE_SWEEPS = 200  # largest number of passes that code clips with a fixed dictionary


@dataclasses.dataclass(frozen=True)
class SparseMdmoConfig:
    """Settings of Sparse MDMO.

    Attributes:
        beta: As ``MdmoConfig``.
        align: As ``MdmoConfig``.
        atoms: Columns of the dictionary.
        smoothness: Weight a of the graph term.
        sparsity: Weight b of the absolute values.
        neighbours: Of the graph.
        scale_neighbour: The distance to this neighbour scales the distances around a sample.
        rounds: Largest number of rounds.
        tolerance: Relative fall of the objective under which the fit ends.
        pool: Of the absolute codes over a clip's frames: ``"mean"`` or ``"max"``.
    """

    beta: float = 0.9
    align: bool = True
    atoms: int = 64
    smoothness: float = 0.1
    sparsity: float = 0.1
    neighbours: int = 5
    scale_neighbour: int = 7
    rounds: int = 30
    tolerance: float = 1e-4
    pool: str = "mean"

    def __post_init__(self):
        number("beta", self.beta, lambda value: 0 <= value <= 1, "in 0..1")
        one_of("align", self.align, (False, True))
        for name in ("atoms", "neighbours", "scale_neighbour", "rounds"):
            whole(name, getattr(self, name))
        for name in ("smoothness", "sparsity", "tolerance"):
            number(name, getattr(self, name), lambda value: value >= 0, "at least 0")
        one_of("pool", self.pool, ("mean", "max"))


def feature_dim(config: SparseMdmoConfig) -> int:
    """Length of the feature: one number per atom."""
    return config.atoms


class SparseCoder:
    """Dictionary of graph-regularised sparse coding.

    Minimises ``|X - D S|^2 + a tr(S L S^T) + b sum |s|`` with columns of D no longer than 1, by turns over the rows
    of S (each entry exactly, under an upper bound of the graph term) and the columns of D (each exactly), so that no
    step raises it.

    Args:
        config: Settings.
        seed: Of the choice of the samples that the dictionary starts from.

    Attributes:
        dictionary: ``(features, atoms)`` float64 after ``fit``.
        codes: ``(atoms, samples)`` float64 of the samples it was fitted on.
        objective: Its value before the first round and after each.

    Source: Liu, Li and Lai 2018. Assumption: the graph's distance is scaled by the distance to the 7th neighbour; the
        paper's own metric was not at hand. Training clips are coded anew, without the graph, as unseen ones are, so
        that both kinds mean the same to the classifier.
    """

    def __init__(self, config: SparseMdmoConfig = SparseMdmoConfig(), *, seed: int = 0):  # noqa: B008
        self.config = config
        self.seed = seed
        self.dictionary: np.ndarray | None = None
        self.codes: np.ndarray | None = None
        self.objective: list[float] = []

    def fit(self, frames: Sequence[np.ndarray]) -> SparseCoder:
        """Fits the dictionary on the frames of the training clips.

        Args:
            frames: Per clip ``(fields, features)``.

        Returns:
            Itself.

        Raises:
            ValueError: No frames, or values that are not finite.
        """
        samples = _stack(frames).T
        config = self.config
        laplacian = graph_laplacian(samples.T, config.neighbours, config.scale_neighbour) if config.smoothness else None
        dictionary = self._start(samples)
        codes = np.zeros((config.atoms, samples.shape[1]))
        self.objective = [self._value(samples, dictionary, codes, laplacian)]
        for _ in range(config.rounds):
            for _ in range(_SWEEPS):
                _update_codes(samples, dictionary, codes, config.sparsity, config.smoothness, laplacian)
            _update_dictionary(samples, dictionary, codes)
            self.objective.append(self._value(samples, dictionary, codes, laplacian))
            before, after = self.objective[-2:]
            if before - after <= config.tolerance * max(before, 1e-300):
                break
        self.dictionary, self.codes = dictionary, codes
        return self

    def transform(self, frames: Sequence[np.ndarray]) -> np.ndarray:
        """``(clips, atoms)`` float64: absolute codes pooled over the frames of each clip, dictionary fixed, no graph.

        Raises:
            ValueError: Before ``fit``, or another number of features.
        """
        if self.dictionary is None:
            raise ValueError("the dictionary is not fitted; call fit with the training clips first")
        samples = _stack(frames).T
        if len(samples) != len(self.dictionary):
            raise ValueError(f"frames must have {len(self.dictionary)} features. Received: {len(samples)}")
        codes = np.zeros((self.config.atoms, samples.shape[1]))
        for _ in range(_CODE_SWEEPS):
            before = codes.copy()
            _update_codes(samples, self.dictionary, codes, self.config.sparsity, 0.0, None)
            if np.abs(codes - before).max() <= 1e-6 * max(np.abs(codes).max(), 1e-300):
                break
        ends = np.cumsum([len(one) for one in frames])[:-1]
        pool = np.mean if self.config.pool == "mean" else np.max
        return np.stack([pool(np.abs(part), axis=1) for part in np.split(codes, ends, axis=1)])

    def _start(self, samples: np.ndarray) -> np.ndarray:
        rng = np.random.default_rng(self.seed)
        order = rng.permutation(samples.shape[1])[: self.config.atoms]
        extra = rng.standard_normal((len(samples), self.config.atoms - len(order)))
        return _unit(np.concatenate([samples[:, order], extra], axis=1))

    def _value(self, samples, dictionary, codes, laplacian) -> float:
        value = ((samples - dictionary @ codes) ** 2).sum() + self.config.sparsity * np.abs(codes).sum()
        if laplacian is not None:
            value += self.config.smoothness * float((codes * (laplacian @ codes.T).T).sum())
        return float(value)


def graph_laplacian(samples: np.ndarray, neighbours: int = 5, scale_neighbour: int = 7):
    """Laplacian of the graph of nearest neighbours.

    Args:
        samples: ``(n, features)``.
        neighbours: Edges from each sample; an edge counts both ways. At most n - 1 are there.
        scale_neighbour: sigma is the distance to this neighbour (to the farthest one where there are fewer).

    Returns:
        ``(n, n)`` float64 sparse matrix, degrees less weights ``exp(-|x_i - x_j|^2 / (sigma_i sigma_j))``.
    """
    import scipy.sparse

    count = len(samples)
    neighbours = min(neighbours, count - 1)
    if neighbours < 1:
        return scipy.sparse.csr_matrix((count, count))
    norms = (samples**2).sum(axis=1)
    squares = np.maximum(norms[:, None] + norms - 2 * samples @ samples.T, 0)
    np.fill_diagonal(squares, np.inf)  # no sample is its own neighbour
    rank = min(scale_neighbour, count - 1) - 1
    sigma = np.sqrt(np.partition(squares, rank, axis=1)[:, rank])
    near = np.argpartition(squares, neighbours - 1, axis=1)[:, :neighbours]
    rows = np.repeat(np.arange(count), neighbours)
    columns = near.ravel()
    scale = sigma[rows] * sigma[columns]
    # Samples that all coincide have scale 0 and distance 0: they are as near as can be.
    ratio = np.divide(squares[rows, columns], scale, out=np.zeros(len(rows)), where=scale > 0)
    weights = scipy.sparse.csr_matrix((np.exp(-ratio), (rows, columns)), shape=(count, count))
    weights = weights.maximum(weights.T)
    return scipy.sparse.diags(np.asarray(weights.sum(axis=1)).ravel()).tocsr() - weights


def _update_codes(samples, dictionary, codes, sparsity: float, smoothness: float, laplacian) -> None:
    """One pass over the atoms; ``codes`` is changed in place."""
    gram = dictionary.T @ dictionary
    target = dictionary.T @ samples
    # L <= 2 diag(degree), so this curvature bounds the graph term from above, entry by entry.
    extra = 0.0 if laplacian is None else 2 * smoothness * laplacian.diagonal()
    for atom in range(len(codes)):
        curvature = gram[atom, atom] + extra
        row = codes[atom]
        slope = gram[atom] @ codes - target[atom]
        if laplacian is not None:
            slope = slope + smoothness * (laplacian @ row)
        moved = curvature * row - slope
        shrunk = np.sign(moved) * np.maximum(np.abs(moved) - sparsity / 2, 0)
        codes[atom] = np.divide(shrunk, curvature, out=np.zeros_like(shrunk), where=curvature > 0)


def _update_dictionary(samples, dictionary, codes) -> None:
    """One pass over the atoms, each moved to its best place within the unit ball; in place."""
    gram = codes @ codes.T
    target = samples @ codes.T
    for atom in range(len(codes)):
        if gram[atom, atom] > 0:  # an unused atom stays where it is
            column = dictionary[:, atom] + (target[:, atom] - dictionary @ gram[:, atom]) / gram[atom, atom]
            dictionary[:, atom] = column / max(np.linalg.norm(column), 1.0)


def _unit(columns: np.ndarray) -> np.ndarray:
    norms = np.linalg.norm(columns, axis=0)
    columns = columns / np.where(norms > 0, norms, 1)
    columns[0, norms == 0] = 1.0  # a frame without motion gives no direction
    return columns


def _stack(frames: Sequence[np.ndarray]) -> np.ndarray:
    frames = [np.asarray(one, np.float64) for one in frames]
    if not frames or any(one.ndim != 2 or not len(one) for one in frames):
        raise ValueError("frames must hold (fields, features) for each clip, at least one field each")
    stacked = np.concatenate(frames)
    if not np.isfinite(stacked).all():
        raise ValueError("frames hold values that are not finite")
    return stacked


SPARSE_MDMO = Extractor(
    SparseMdmoConfig,
    lambda tensors, config: mdmo_frames(tensors["flow"], tensors["landmarks"], MdmoConfig(config.beta, config.align)),
    lambda config, seed: SparseCoder(config, seed=seed),
)
