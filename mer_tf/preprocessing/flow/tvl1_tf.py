"""TV-L1 optical flow (Zach, Pock and Bischof 2007) in TensorFlow operations: batched, inside a graph, on CPU or GPU.

The numbers follow OpenCV's CPU program: the same pyramid, the same order of steps, and a stopping rule per pair.
``border="edge"`` samples the second frame beyond its border as its nearest pixel; ``border="zero"`` is OpenCV's
behaviour, with samples of 0 out there, and is there for comparison. It also rounds sampling positions to 1/32 px, as
OpenCV 4 does; OpenCV 5 no longer rounds them, which ``positions=0`` follows.

Images and fields are kept as ``(pairs, height * width)`` rows, so that a neighbour is one slice away. The dual fields
are 0 in their last column (or row) at all times, because the forward difference there is, so the row's end can stand
in for what lies before the next row's beginning.
"""

from __future__ import annotations

import functools

import numpy as np
import tensorflow as tf

from mer_tf.preprocessing.flow.pairs import MIN_SIDE, PairFlow
from mer_tf.preprocessing.flow.tvl1 import TVL1Config

CUBIC = -0.75  # OpenCV's parameter of the cubic convolution kernel
FLAT = float(np.finfo(np.float32).eps)  # squared gradients up to this count as none
MARGIN = 4  # pixels around an image, enough for every tap of a sample that lies outside
GPU_GROUP = 32  # pairs; fixed, so that the compiled program and its rounding are the same for every batch
POSITIONS = 32  # sampling positions per pixel of OpenCV 4


class TVL1TensorFlow(PairFlow):
    """TV-L1 flow of image pairs by the TensorFlow implementation; contract of ``TVL1Flow``.

    Args:
        config: Parameters; ``config.border`` chooses what lies outside the second frame.

    Example:
        >>> import numpy as np
        >>> image = np.zeros((32, 32), np.uint8)
        >>> TVL1TensorFlow()(image, image).shape
        (32, 32, 2)
    """

    settings = TVL1Config

    def _calc(self, given, gray):
        return tvl1_batch(*(image[None] for image in gray), self.config)[0].numpy()


def tvl1_batch(
    first,
    second,
    config: TVL1Config | None = None,
    border: str | None = None,
    *,
    group: int | None = None,
    jit: bool = True,
    positions: int | None = None,
) -> tf.Tensor:
    """TV-L1 flow of a batch of pairs.

    Args:
        first: ``(batch, height, width)`` gray, 0 to 255; height and width static and >= 16, batch may be unknown.
        second: Same shape.
        config: Parameters; the defaults are OpenCV's.
        border: ``"edge"`` or ``"zero"``; by default what ``config`` says.
        group: How many pairs are iterated together; a batch that is no multiple of it is filled up. One after the other
            is the default where there is no GPU: a pair then stays in the cache and nobody waits for the slowest.
        jit: Whether XLA compiles the solver, once per size of image; without it the same operations run one by one.
        positions: Sampling positions per pixel to which positions are rounded; 0 for none. By default 32 for
            ``border="zero"``, none for ``"edge"``.

    Returns:
        ``(batch, height, width, 2)`` float32, (u, v) in pixels. The flow of a pair depends neither on the others nor on
        how many there are. (Another ``group`` or ``jit`` may round differently, and the stopping rule amplifies that.)
        A pair with values that are not finite has NaN everywhere.

    Raises:
        ValueError: Wrong rank, unknown or small sides, shapes that differ, unknown border, or a negative number
            of positions.

    Source: Zach et al. 2007; Sanchez Perez et al. 2013, section 3.
    """
    config = config or TVL1Config()
    border = border or config.border
    if border not in ("edge", "zero"):
        raise ValueError(f"border must be 'edge' or 'zero'. Received: {border!r}")
    if group is not None and group < 1:
        raise ValueError(f"group must be at least 1. Received: {group!r}")
    if positions is None:
        positions = POSITIONS if border == "zero" else 0
    if positions < 0:
        raise ValueError(f"positions must not be negative. Received: {positions!r}")
    first, second = tf.convert_to_tensor(first, tf.float32), tf.convert_to_tensor(second, tf.float32)
    for name, images in (("first", first), ("second", second)):
        if images.shape.rank != 3 or None in images.shape[1:] or min(images.shape[1:]) < MIN_SIDE:
            raise ValueError(
                f"{name} must be (batch, height, width) with known sides >= {MIN_SIDE}. Received: {images.shape}"
            )
    if not first.shape.is_compatible_with(second.shape):
        raise ValueError(f"first and second must have one shape. Received: {first.shape} and {second.shape}")

    if config.match_brightness:
        second = second - (_median(second) - _median(first))[:, None, None]
    finite = tf.reduce_all(tf.math.is_finite(first) & tf.math.is_finite(second), axis=(1, 2))
    usable = finite[:, None, None]
    first, second = tf.where(usable, first, 0.0), tf.where(usable, second, 0.0)

    if group is None:
        group = GPU_GROUP if tf.config.list_physical_devices("GPU") else 1
    shape = (group, *first.shape[1:])
    flow = _in_groups(_solver(config, border, positions, jit, shape), first, second, group)
    return tf.where(usable[..., None], flow, np.float32(np.nan))


def _in_groups(solve, first: tf.Tensor, second: tf.Tensor, group: int) -> tf.Tensor:
    height, width = first.shape[1:]
    batch = tf.shape(first)[0]
    filling = ((0, -batch % group), (0, 0), (0, 0))  # pairs of black frames, which stop at once
    shape = (-1, group, height, width)
    flow = tf.map_fn(
        lambda pair: solve(*pair),
        (tf.reshape(tf.pad(first, filling), shape), tf.reshape(tf.pad(second, filling), shape)),
        parallel_iterations=1,
        fn_output_signature=tf.TensorSpec((group, height, width, 2), tf.float32),
    )
    flow = tf.reshape(flow, (-1, height, width, 2))[:batch]
    return tf.ensure_shape(flow, (None, height, width, 2))


def _median(images: tf.Tensor) -> tf.Tensor:
    """Median of each image, the mean of the two middle values, ``(batch,)``."""
    height, width = images.shape[1:]
    size = height * width
    ordered = tf.sort(tf.reshape(images, (-1, size)), axis=1)
    return 0.5 * (ordered[:, (size - 1) // 2] + ordered[:, size // 2])


@functools.lru_cache(maxsize=32)
def _solver(config: TVL1Config, border: str, positions: int, jit: bool, shape: tuple[int, int, int]):
    """Graph function from ``(pairs, height, width)`` twice to the flow."""

    def solve(first, second):
        return _Solver(config, border, positions).solve(first, second)

    function = tf.function(solve, jit_compile=jit or None, autograph=False)
    with tf.init_scope():  # kept beyond the graph that may be being built, so it must not belong to it
        return function.get_concrete_function(*[tf.TensorSpec(shape, tf.float32)] * 2)


class _Solver:
    """Builds the graph. ``pairs`` below is the number of pairs iterated together."""

    def __init__(self, config: TVL1Config, border: str, positions: int):
        self.config = config
        self.border = border
        self.positions = positions

    def solve(self, first: tf.Tensor, second: tf.Tensor) -> tf.Tensor:
        config = self.config
        levels = [(first, second)]
        for _ in range(int(config.scales) - 1):
            size = tuple(round(side * config.scale_step) for side in levels[-1][0].shape[1:])
            if min(size) < MIN_SIDE:
                break
            levels.append(tuple(_resize(image, size, config.scale_step) for image in levels[-1]))
        u = v = tf.zeros_like(levels[-1][0])
        for first, second in reversed(levels):
            size = tuple(first.shape[1:])
            if tuple(u.shape[1:]) != size:
                u, v = (_resize(w, size) / config.scale_step for w in (u, v))
            u, v = self.level(first, second, u, v)
        return tf.stack([u, v], axis=-1)

    def level(self, first, second, u, v):
        """Refines the flow ``u``, ``v`` of one pyramid level, all ``(pairs, height, width)``."""
        config = self.config
        height, width = first.shape[1:]
        pairs = first.shape[0]
        rows = (pairs, height * width)
        images = self.sampled_images(second)
        first = tf.reshape(first, rows)
        dual = tf.zeros(rows)

        def go_on(warp, *_):
            return warp < int(config.warps)

        def warp_once(warp, u, v, *duals):
            sampled, ix, iy = self.sample(images, u, v, (height, width))
            residual = sampled - ix * u - iy * v - first
            return warp + 1, *self.minimise(residual, ix, iy, (u, v, *duals), (height, width))

        state = (tf.reshape(u, rows), tf.reshape(v, rows), dual, dual, dual, dual)
        _, u, v, *_ = tf.while_loop(go_on, warp_once, (0, *state), parallel_iterations=1)
        return (tf.reshape(w, (pairs, height, width)) for w in (u, v))

    def minimise(self, residual, ix, iy, state, size):
        """Alternates thresholding and dual steps until every pair's change is small; returns the new state."""
        config = self.config
        height, width = size
        pairs = residual.shape[0]
        tolerance = config.epsilon**2 * height * width
        # ``pull`` is where the clipped step would bring the residual to 0: -rho / |grad|^2, within +-lambda theta.
        limit = config.lambda_ * config.theta
        squared = ix * ix + iy * iy
        textured = squared > FLAT
        inverse = tf.where(textured, 1.0 / tf.where(textured, squared, 1.0), 0.0)
        rate = config.tau / config.theta
        across = np.ones((height, width), np.float32)
        across[:, -1] = 0.0  # there is no neighbour to the right of the last column
        down = np.ones((height, width), np.float32)
        down[-1] = 0.0
        across, down = across.reshape(1, -1), down.reshape(1, -1)

        def iterate(count, error, u, v, p11, p12, p21, p22):
            rho = residual + ix * u + iy * v
            pull = tf.clip_by_value(-rho * inverse, -limit, limit)
            new_u = u + pull * ix + config.theta * (p11 - _before(p11, 1) + p12 - _before(p12, width))
            new_v = v + pull * iy + config.theta * (p21 - _before(p21, 1) + p22 - _before(p22, width))
            change = tf.reduce_sum(tf.square(new_u - u) + tf.square(new_v - v), axis=1)
            u_x, u_y = (_after(new_u, 1) - new_u) * across, (_after(new_u, width) - new_u) * down
            v_x, v_y = (_after(new_v, 1) - new_v) * across, (_after(new_v, width) - new_v) * down
            shrink_u = 1.0 / (1.0 + rate * tf.sqrt(u_x * u_x + u_y * u_y))
            shrink_v = 1.0 / (1.0 + rate * tf.sqrt(v_x * v_x + v_y * v_y))
            new = (
                new_u,
                new_v,
                (p11 + rate * u_x) * shrink_u,
                (p12 + rate * u_y) * shrink_u,
                (p21 + rate * v_x) * shrink_v,
                (p22 + rate * v_y) * shrink_v,
            )
            return count + 1, *kept(error, (change, *new), (error, u, v, p11, p12, p21, p22))

        def kept(error, new, old):
            """Pairs that have stopped keep their values, so that none depends on the others."""
            if pairs == 1:
                return new  # the loop would have ended
            active = error > tolerance
            return tuple(tf.where(active if n.shape.rank == 1 else active[:, None], n, o) for n, o in zip(new, old))

        def smooth_and_iterate(count, error, u, v, *duals):
            if config.median > 1:
                smooth = median_filter(tf.concat([u, v], axis=0), size, config.median)
                u, v = kept(error, tuple(tf.split(smooth, 2, axis=0)), (u, v))
            _, *state = tf.while_loop(going(config.inner_iterations), iterate, (0, error, u, v, *duals), **options)
            return count + 1, *state

        def going(most):
            return lambda count, error, *_: (count < int(most)) & tf.reduce_any(error > tolerance)

        options = {"parallel_iterations": 1}
        start = (0, tf.fill((pairs,), np.float32(np.inf)), *state)
        _, _, *state = tf.while_loop(going(config.outer_iterations), smooth_and_iterate, start, **options)
        return state

    def sampled_images(self, image: tf.Tensor) -> tf.Tensor:
        """The second frame and its two derivatives with a margin, ``(pairs, rows * columns, 3)``."""
        height, width = image.shape[1:]
        near = _pad_edge(image, 1)
        ix = 0.5 * (near[:, 1:-1, 2:] - near[:, 1:-1, :-2])
        iy = 0.5 * (near[:, 2:, 1:-1] - near[:, :-2, 1:-1])
        pad = functools.partial(_pad_edge, margin=MARGIN) if self.border == "edge" else _pad_zero
        images = tf.stack([pad(channel) for channel in (image, ix, iy)], axis=-1)
        return tf.reshape(images, (-1, (height + 2 * MARGIN) * (width + 2 * MARGIN), 3))

    def sample(self, images: tf.Tensor, u: tf.Tensor, v: tf.Tensor, size) -> tuple[tf.Tensor, tf.Tensor, tf.Tensor]:
        """The three images at ``(x + u, y + v)`` by cubic convolution, each ``(pairs, height * width)``."""
        height, width = size
        stride = width + 2 * MARGIN
        y, x = np.mgrid[0:height, 0:width].reshape(2, 1, -1).astype(np.float32)
        column, across = self.split(x + u, width)
        row, down = self.split(y + v, height)
        corner = (row + (MARGIN - 1)) * stride + column + (MARGIN - 1)
        total = None
        for j, weight_y in enumerate(_cubic(down)):
            line = None
            for i, weight_x in enumerate(_cubic(across)):
                taps = tf.gather(images, corner + (j * stride + i), axis=1, batch_dims=1) * weight_x[..., None]
                line = taps if line is None else line + taps
            line = line * weight_y[..., None]
            total = line if total is None else total + line
        return total[..., 0], total[..., 1], total[..., 2]

    def split(self, position: tf.Tensor, side: int) -> tuple[tf.Tensor, tf.Tensor]:
        """Integer and fractional part; the integer one is brought within the margin, where nothing changes any more."""
        # Far outside every tap sees the margin alone, so the nearest such position gives the same sample.
        position = tf.clip_by_value(position, -float(MARGIN - 1), float(side + MARGIN - 3))
        if self.positions:
            position = tf.round(position * self.positions) / self.positions
        whole = tf.floor(position)
        return tf.cast(whole, tf.int32), position - whole


def _cubic(t: tf.Tensor) -> tuple[tf.Tensor, ...]:
    """Weights of the four taps at -1, 0, 1, 2 for fraction ``t``; exactly 0, 1, 0, 0 at t = 0."""
    a = CUBIC
    s = 1.0 - t
    first = ((a * (t + 1.0) - 5.0 * a) * (t + 1.0) + 8.0 * a) * (t + 1.0) - 4.0 * a
    second = ((a + 2.0) * t - (a + 3.0)) * t * t + 1.0
    third = ((a + 2.0) * s - (a + 3.0)) * s * s + 1.0
    return first, second, third, 1.0 - first - second - third


def _before(field: tf.Tensor, n: int) -> tf.Tensor:
    """Row-wise ``field[i - n]``, 0 where there is none."""
    return tf.concat([tf.zeros_like(field[:, :n]), field[:, :-n]], axis=1)


def _after(field: tf.Tensor, n: int) -> tf.Tensor:
    """Row-wise ``field[i + n]``, 0 where there is none."""
    return tf.concat([field[:, n:], tf.zeros_like(field[:, :n])], axis=1)


def _pad_zero(image: tf.Tensor) -> tf.Tensor:
    return tf.pad(image, ((0, 0), (MARGIN, MARGIN), (MARGIN, MARGIN)))


def _pad_edge(image: tf.Tensor, margin: int) -> tf.Tensor:
    """``(pairs, height, width)`` with its border pixels repeated."""
    image = tf.concat([image[:, :1]] * margin + [image] + [image[:, -1:]] * margin, axis=1)
    return tf.concat([image[..., :1]] * margin + [image] + [image[..., -1:]] * margin, axis=2)


def _resize(image: tf.Tensor, size: tuple[int, int], scale: float | None = None) -> tf.Tensor:
    """Bilinear with half-pixel centres; ``scale`` is the factor of positions where it is not that of the sides."""
    for axis, new in enumerate(size, start=1):
        old = image.shape[axis]
        factor = old / new if scale is None else 1.0 / scale
        position = np.clip((np.arange(new) + 0.5) * factor - 0.5, 0, old - 1)
        low = np.floor(position).astype(np.int32)
        part = (position - low).astype(np.float32).reshape((-1, 1) if axis == 1 else (1, -1))
        left = tf.gather(image, low, axis=axis)
        right = tf.gather(image, np.minimum(low + 1, old - 1), axis=axis)
        image = left + (right - left) * part  # equal neighbours give exactly their value
    return image


def median_filter(field: tf.Tensor, size: tuple[int, int], window: int) -> tf.Tensor:
    """Median of a square window with repeated border pixels.

    Args:
        field: ``(pairs, height * width)`` float32.
        size: ``(height, width)``.
        window: Odd side of the window.

    Returns:
        Shape of ``field``.

    Each column of the window is sorted, then each row of what results; of that square most corners cannot be the
    median any more, and a network selects the middle of the rest. Only minima and maxima: no sort of 25 values.
    """
    height, width = size
    image = _pad_edge(tf.reshape(field, (-1, height, width)), window // 2)
    columns = _exchange([image[:, j : j + height] for j in range(window)], range(window))
    middle = window * window // 2
    candidates = []
    for i, column in enumerate(columns):
        # An element of the sorted square is >= the (i + 1)(j + 1) elements above and left of it, itself included.
        wanted = [
            j for j in range(window) if (i + 1) * (j + 1) <= middle + 1 and (window - i) * (window - j) <= middle + 1
        ]
        row = _exchange([column[..., k : k + width] for k in range(window)], wanted)
        candidates += [row[j] for j in wanted]
    rank = len(candidates) // 2
    return tf.reshape(_exchange(candidates, [rank])[rank], tf.shape(field))


def _exchange(values: list[tf.Tensor], wanted) -> list[tf.Tensor]:
    """Runs the sorting network that puts the elements at places ``wanted`` right; the others are undefined."""
    values = list(values)
    for low, high, needs_low, needs_high in _network(len(values), tuple(wanted)):
        a, b = values[low], values[high]
        if needs_low:
            values[low] = tf.minimum(a, b)
        if needs_high:
            values[high] = tf.maximum(a, b)
    return values


@functools.lru_cache(maxsize=64)
def _network(n: int, wanted: tuple[int, ...]) -> list[tuple[int, int, bool, bool]]:
    """Batcher's odd-even merge exchange sort of ``n`` values, without the exchanges that ``wanted`` does not need."""
    exchanges = []
    top = 1 << max(n - 1, 0).bit_length() >> 1
    p = top
    while p > 0:
        q, r, d = top, 0, p
        while True:
            exchanges += [(i, i + d) for i in range(n - d) if i & p == r]
            if q == p:
                break
            d, q, r = q - p, q >> 1, p
        p >>= 1
    needed = set(wanted)
    kept = []
    for low, high in reversed(exchanges):
        if low in needed or high in needed:
            kept.append((low, high, low in needed, high in needed))
            needed |= {low, high}
    return kept[::-1]
