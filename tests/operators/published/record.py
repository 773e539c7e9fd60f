"""Records what the published blurs make of pictures, for tests of the operator that computes everything by itself.

    g++ -O2 -o order tests/operators/published/order.cpp
    python3 tests/operators/published/record.py ./order

Needs NumPy, PyTorch (1.13 was used, whose sort on the CPU is that of libstdc++) and the program `order`, which sorts by
`std::sort`. The blurs are written here from their description: 1-D factors that lose the last tap between zeros, singular
values below 3e-2 taken for zero, their products multiplied and sorted in float32, and the sorted list laid out channel
after channel while coefficients have the channel fastest. Pictures are drawn from a seed by an integer generator
(`drawn` here, `randomValues` there). Of every result each STRIDE-th number is stored.
"""

import json
import math
import pathlib
import subprocess
import sys

import numpy as np
import torch

HERE = pathlib.Path(__file__).parent
STRIDE = {32: 29, 64: 113, 256: 1811}


def drawn(count, seed):
    """Numbers in [-1, 1) from a 32-bit mixing generator, rounded to float32."""
    u32 = lambda x: x & np.uint64(0xFFFFFFFF)
    mul = lambda a, b: u32(a * b)
    start = np.uint64(seed * 0x9E3779B9 & 0xFFFFFFFF)
    state = u32(start + u32(np.arange(1, count + 1, dtype=np.uint64) * np.uint64(0x6D2B79F5)))
    mixed = mul(state ^ (state >> np.uint64(15)), state | np.uint64(1))
    mixed = u32(mixed + mul(mixed ^ (mixed >> np.uint64(7)), mixed | np.uint64(61))) ^ mixed
    mixed = mixed ^ (mixed >> np.uint64(14))
    return (mixed.astype(np.float64) / 2**31 - 1).astype(np.float32)


def gaussian(taps, sigma):
    weights = np.exp(-0.5 * ((np.arange(taps) - taps // 2) / sigma) ** 2)
    return weights / weights.sum()


def factor(taps, size):
    half = len(taps) // 2
    matrix = np.zeros((size, size))
    for row in range(size):
        for column in range(max(0, row - half), min(size, row + half)):
            matrix[row, column] = taps[column - row + half]
    return matrix


KERNELS = {
    "gauss": (gaussian(9, 15), gaussian(9, 15)),
    "uniform": (np.full(9, 1 / 9), np.full(9, 1 / 9)),
    "aniso": (gaussian(9, 1), gaussian(9, 20)),
}


def order_of(keys, program):
    given = keys.astype("<f4").tobytes()
    done = subprocess.run([program], input=given, capture_output=True, check=True)
    order = np.frombuffer(done.stdout, "<i4")
    assert (order == torch.sort(torch.tensor(keys), descending=True)[1].numpy()).all(), "PyTorch sorts otherwise"
    return order


def blur(kernels, size, program, single):
    """A x and A^+ y of pictures [H, W, C]; with `single` the decompositions are those of float32."""
    dtype = np.float32 if single else np.float64
    (u1, s1, v1), (u2, s2, v2) = [np.linalg.svd(factor(taps, size).astype(dtype)) for taps in kernels]
    kept = [np.where(s.astype(np.float32) < np.float32(3e-2), np.float32(0), s.astype(np.float32)) for s in (s1, s2)]
    keys = np.outer(*kept).ravel()
    order = order_of(keys, program)
    count = size * size
    gains = np.zeros((count, 3))
    gains[order] = keys[order].astype(np.float64)[(3 * np.arange(count)[:, None] + np.arange(3)) % count]
    inverse = np.divide(1, gains, out=np.zeros_like(gains), where=gains != 0)

    def through(left, values, back, x):
        c = np.einsum("ij,jkc,kl->ilc", left[0], x.astype(np.float64), left[1], optimize=True)
        c = (c.reshape(count, 3) * values).reshape(size, size, 3)
        return np.einsum("ij,jkc,kl->ilc", back[0], c, back[1], optimize=True)

    return {
        "Ax": lambda x: through((v1, v2.T), gains, (u1, u2.T), x),
        "pinvY": lambda y: through((u1.T, u2), inverse, (v1.T, v2), y),
    }


def main(program):
    cases = []
    for size in STRIDE:
        for name, kernels in KERNELS.items():
            picture = drawn(size * size * 3, size).reshape(size, size, 3)
            results = {}
            singles = blur(kernels, size, program, True)
            for quantity, apply in blur(kernels, size, program, False).items():
                whole = apply(picture)
                error = np.linalg.norm(singles[quantity](picture) - whole) / np.linalg.norm(whole)
                print(size, name, quantity, f"float32 decomposition: {error:.1e}")
                results[quantity] = [float(f"{v:.8g}") for v in whole.ravel()[:: STRIDE[size]]]
            cases.append({"kernel": name, "size": size, "seed": size, "stride": STRIDE[size], **results})
    lines = ",\n".join(json.dumps(case, separators=(",", ":")) for case in cases)
    (HERE / "blurs.json").write_text(f"[\n{lines}\n]\n")


main(sys.argv[1])
