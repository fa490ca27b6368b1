"""The plain PyTorch loop that ``bench_loso.py`` compares with; needs only PyTorch and NumPy.

    python benchmarks/torch_loso.py SYSTEM CLIPS.npz EPOCHS BATCH

As the published codes have it: a new network for each fold, shuffled batches of float32 tensors, Adam, all threads.
Prints the seconds of each fold as JSON.
"""

import json
import sys
import time

import numpy as np
import torch
from torch import nn


def conv(inputs, outputs, kernel):
    return nn.Sequential(
        nn.Conv2d(inputs, outputs, kernel, padding=kernel // 2), nn.BatchNorm2d(outputs), nn.ReLU(inplace=True)
    )


class Inception(nn.Module):
    def __init__(self, inputs, filters):
        super().__init__()
        self.one = conv(inputs, filters, 1)
        self.three = nn.Sequential(conv(inputs, 6, 1), conv(6, filters, 3))
        self.five = nn.Sequential(conv(inputs, 6, 1), conv(6, filters, 5))
        self.pooled = nn.Sequential(nn.MaxPool2d(3, 1, 1), conv(inputs, filters, 1))

    def forward(self, x):
        return torch.cat([self.one(x), self.three(x), self.five(x), self.pooled(x)], 1)


class Attention(nn.Module):
    def __init__(self):
        super().__init__()
        self.channels = nn.Sequential(nn.Linear(48, 3), nn.ReLU(), nn.Linear(3, 48))
        self.places = nn.Conv2d(2, 1, 3, padding=1)

    def forward(self, x):
        both = self.channels(x.mean((2, 3))) + self.channels(x.amax((2, 3)))
        x = x * torch.sigmoid(both)[:, :, None, None]
        return x * torch.sigmoid(self.places(torch.cat([x.mean(1, True), x.amax(1, True)], 1)))


class DualATME(nn.Module):
    def __init__(self):
        super().__init__()
        self.face, self.puzzle = (
            nn.Sequential(Inception(3, 6), nn.MaxPool2d(2), Inception(24, 12), nn.MaxPool2d(2)) for _ in range(2)
        )
        self.attention = Attention()
        self.head = nn.Sequential(
            nn.Linear(4704, 1024), nn.BatchNorm1d(1024), nn.ReLU(), nn.Dropout(0.5), nn.Linear(1024, 3)
        )

    def forward(self, face, puzzle):
        face, puzzle = self.attention(self.face(face)), self.puzzle(puzzle)
        apart = 0.01 * (1 - torch.cosine_similarity(face.flatten(1), puzzle.flatten(1)).mean())
        return self.head(torch.cat([face, puzzle], 1).flatten(1)), apart


class STSTNet(nn.Module):
    def __init__(self):
        super().__init__()
        self.streams = nn.ModuleList(
            nn.Sequential(
                nn.Conv2d(3, maps, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(maps), nn.MaxPool2d(3, 3, 1), nn.Dropout()
            )
            for maps in (3, 5, 8)
        )
        self.head = nn.Sequential(nn.AvgPool2d(2), nn.Flatten(), nn.Linear(400, 3))

    def forward(self, face):
        return self.head(torch.cat([stream(face) for stream in self.streams], 1)), 0.0


SYSTEMS = {"dual_atme": (DualATME, ("face", "puzzle")), "ststnet": (STSTNet, ("face",))}


def main() -> None:
    system, file, epochs, size = sys.argv[1], sys.argv[2], int(sys.argv[3]), int(sys.argv[4])
    make, names = SYSTEMS[system]
    data = np.load(file)
    clips = [torch.from_numpy(np.ascontiguousarray(data[name].transpose(0, 3, 1, 2))) for name in names]
    labels, owners = torch.from_numpy(data["labels"]), data["owners"]
    seconds = []
    for fold in range(int(data["folds"])):
        start = time.perf_counter()
        rows = torch.from_numpy(np.flatnonzero(owners != fold))
        test = torch.from_numpy(np.flatnonzero(owners == fold))
        model = make()
        optimizer = torch.optim.Adam(model.parameters(), 1e-3)
        model.train()
        for _ in range(epochs):
            for part in torch.split(rows[torch.randperm(len(rows))], size):
                optimizer.zero_grad()
                scores, extra = model(*(clip[part] for clip in clips))
                (nn.functional.cross_entropy(scores, labels[part]) + extra).backward()
                optimizer.step()
        model.eval()
        with torch.no_grad():
            model(*(clip[test] for clip in clips))
        seconds.append(time.perf_counter() - start)
    print(json.dumps({"seconds": seconds, "version": torch.__version__, "threads": torch.get_num_threads()}))


if __name__ == "__main__":
    main()
