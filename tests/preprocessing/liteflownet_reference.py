"""LiteFlowNet in NumPy, by the letter of the published description: slow, in loops, on the published weights' names.

Arrays are (channels, rows, columns) float64; ``state`` holds the published arrays by name, (out, in, rows, columns).
"""

from __future__ import annotations

import math

import numpy as np

KERNEL = {2: 7, 3: 5, 4: 5, 5: 3, 6: 3}
WARP = {2: 10.0, 3: 5.0, 4: 2.5, 5: 1.25, 6: 0.625}


def estimate(state, first, second):
    """Flow (rows, columns, 2) in pixels between two uint8 RGB frames."""
    rows, columns = first.shape[:2]
    high, wide = math.ceil(rows / 32) * 32, math.ceil(columns / 32) * 32
    images = []
    for frame, means in (
        (first, (0.411618, 0.434631, 0.454253)),
        (second, (0.410782, 0.433645, 0.452793)),
    ):
        bgr = frame[:, :, ::-1].astype(np.float64).transpose(2, 0, 1) / 255
        images.append(resize(bgr, high, wide) - np.array(means)[:, None, None])
    features = [encode(state, image) for image in images]
    pyramid = {1: images}
    for level in range(2, 7):
        pyramid[level] = [resize(image, image.shape[1] // 2, image.shape[2] // 2) for image in pyramid[level - 1]]
    flow = None
    for level in (6, 5, 4, 3, 2):
        one, two = features[0][level], features[1][level]
        flow = matching(state, level, one, two, flow)
        flow = subpixel(state, level, one, two, flow)
        flow = regularisation(state, level, one, *pyramid[level], flow)
    flow = resize(flow * 20.0, rows, columns)
    return np.stack([flow[0] * columns / wide, flow[1] * rows / high], axis=-1)


def encode(state, image):
    x, levels = image, {}
    for level, (name, count) in enumerate(
        (("One", 1), ("Two", 3), ("Thr", 2), ("Fou", 2), ("Fiv", 1), ("Six", 1)), start=1
    ):
        for number in range(count):
            stride = 2 if level > 1 and number == 0 else 1
            x = leaky(conv(state, f"netFeatures.net{name}.{2 * number}", x, stride))
        levels[level] = x
    return levels


def matching(state, level, one, two, flow):
    name = f"netMatching.{level - 2}"
    if level == 2:
        one, two = (leaky(conv(state, f"{name}.netFeat.0", x)) for x in (one, two))
    if flow is not None:
        flow = transposed(state[f"{name}.netUpflow.weight"], flow)
        two = warp(two, flow * WARP[level])
    cost = leaky(correlation(one, two, 2 if level < 4 else 1))
    if level < 4:
        cost = transposed(state[f"{name}.netUpcorr.weight"], cost)
    return (0 if flow is None else flow) + main(state, name, cost, 4)


def subpixel(state, level, one, two, flow):
    name = f"netSubpixel.{level - 2}"
    if level == 2:
        one, two = (leaky(conv(state, f"{name}.netFeat.0", x)) for x in (one, two))
    two = warp(two, flow * WARP[level])
    return flow + main(state, name, np.concatenate([one, two, flow]), 4)


def regularisation(state, level, one, first, second, flow):
    name, k = f"netRegularization.{level - 2}", KERNEL[level]
    error = np.sqrt(((first - warp(second, flow * WARP[level])) ** 2).sum(axis=0, keepdims=True))
    known = one if level >= 5 else leaky(conv(state, f"{name}.netFeat.0", one))
    centred = flow - flow.mean(axis=(1, 2), keepdims=True)
    x = leaky(main(state, name, np.concatenate([error, centred, known]), 6))
    x = conv(state, f"{name}.netDist.0", x)
    if level < 5:
        x = conv(state, f"{name}.netDist.1", x)
    weights = np.exp(-(x**2) - (-(x**2)).max(axis=0))
    result = np.zeros_like(flow)
    padded = np.pad(flow, ((0, 0), (k // 2, k // 2), (k // 2, k // 2)))
    for channel, axis in enumerate("XY"):
        scale, bias = state[f"{name}.netScale{axis}.weight"].reshape(-1), state[f"{name}.netScale{axis}.bias"][0]
        for row in range(flow.shape[1]):
            for column in range(flow.shape[2]):
                patch = padded[channel, row : row + k, column : column + k].reshape(-1)
                weight = weights[:, row, column]
                result[channel, row, column] = ((scale * weight * patch).sum() + bias) / weight.sum()
    return result


def main(state, name, x, count):
    """``count`` convolutions with activations between them."""
    for number in range(count):
        x = conv(state, f"{name}.netMain.{2 * number}", leaky(x) if number else x)
    return x


def leaky(x):
    return np.where(x > 0, x, 0.1 * x)


def conv(state, name, x, stride=1):
    weight, bias = state[f"{name}.weight"].astype(np.float64), state[f"{name}.bias"]
    high, wide = weight.shape[2:]
    padded = np.pad(x, ((0, 0), (high // 2, high // 2), (wide // 2, wide // 2)))
    result = np.zeros((len(weight), -(-x.shape[1] // stride), -(-x.shape[2] // stride)))
    for row in range(high):
        for column in range(wide):
            seen = padded[:, row : row + x.shape[1] : stride, column : column + x.shape[2] : stride]
            result += np.tensordot(weight[:, :, row, column], seen, axes=1)
    return result + bias[:, None, None]


def transposed(weight, x):
    """4x4 transposed convolution of stride 2 and padding 1, every channel by itself."""
    channels, rows, columns = x.shape
    full = np.zeros((channels, 2 * rows + 2, 2 * columns + 2))
    for row in range(rows):
        for column in range(columns):
            stamp = x[:, row, column, None, None] * weight[:, 0]
            full[:, 2 * row : 2 * row + 4, 2 * column : 2 * column + 4] += stamp
    return full[:, 1:-1, 1:-1]


def correlation(one, two, stride):
    rows, columns = one.shape[1:]
    result = np.zeros((49, -(-rows // stride), -(-columns // stride)))
    for channel in range(49):
        down, right = (channel // 7 - 3) * stride, (channel % 7 - 3) * stride
        for i, row in enumerate(range(0, rows, stride)):
            for j, column in enumerate(range(0, columns, stride)):
                y, x = row + down, column + right
                if 0 <= y < rows and 0 <= x < columns:
                    result[channel, i, j] = np.mean(one[:, row, column] * two[:, y, x])
    return result


def warp(x, flow):
    rows, columns = x.shape[1:]
    result = np.zeros_like(x)
    for row in range(rows):
        for column in range(columns):
            at_x, at_y = column + flow[0, row, column], row + flow[1, row, column]
            left, top = math.floor(at_x), math.floor(at_y)
            for j in (left, left + 1):
                for i in (top, top + 1):
                    if 0 <= i < rows and 0 <= j < columns:
                        result[:, row, column] += (1 - abs(at_x - j)) * (1 - abs(at_y - i)) * x[:, i, j]
    return result


def resize(x, rows, columns):
    """Bilinear, pixel centres at half integers, edge values beyond the outermost centres; nothing is smoothed."""
    for axis, size in ((1, rows), (2, columns)):
        old = x.shape[axis]
        place = np.clip((np.arange(size) + 0.5) * old / size - 0.5, 0, old - 1)
        low = np.floor(place).astype(int)
        share = place - low
        share = share[None, :, None] if axis == 1 else share[None, None, :]
        x = np.take(x, low, axis) * (1 - share) + np.take(x, np.minimum(low + 1, old - 1), axis) * share
    return x
