"""Records what scikit-image, SciPy and NumPy say about the images and numbers of these tests.

    python3 tests/metrics/record.py

Needs scikit-image (0.19 was used), SciPy and NumPy; writes recorded.json beside this file. Images are made by the integer
formulas of images.ts; features are drawn as in tests/models/networks/record.py.
"""

import json
import pathlib
import sys

import numpy as np
from scipy import linalg, ndimage, special, stats
from skimage.metrics import peak_signal_noise_ratio, structural_similarity

HERE = pathlib.Path(__file__).parent
sys.path.insert(0, str(HERE.parent / "models" / "networks"))
sys.dont_write_bytecode = True

h, w, c = np.meshgrid(np.arange(19), np.arange(23), np.arange(3), indexing="ij")
STEEP = (31 * h + 17 * w + 7 * c + h * w) % 256
RAMP = (3 * h + 5 * w + 7 * c) % 100
PAIRS = {
    "steep": (STEEP, np.clip(STEEP + (13 * h + 5 * w + 3 * c) % 21 - 10, 0, 255)),
    "ramp": (RAMP, RAMP + (h * w + c) % 9),
}


def psnr(a, b, peak=255):
    return float(peak_signal_noise_ratio(a, b, data_range=peak))


def ssim(a, b, **options):
    axis = {"channel_axis": -1} if a.ndim == 3 else {}
    return float(structural_similarity(a, b, data_range=255, **axis, **options))


GAUSS = {"gaussian_weights": True, "sigma": 1.5}


def ssim_with_zeros(a, b, taps, sample):
    """Windows around every pixel, zeros outside the image."""
    window = np.outer(taps, taps)
    mean = lambda x: ndimage.convolve(x, window, mode="constant")
    factor = taps.size**2 / (taps.size**2 - 1) if sample else 1
    values = []
    for k in range(a.shape[2]):
        x, y = a[..., k].astype(float), b[..., k].astype(float)
        mx, my = mean(x), mean(y)
        vx, vy, vxy = (factor * (mean(p * q) - m * n) for p, q, m, n in
                       ((x, x, mx, mx), (y, y, my, my), (x, y, mx, my)))
        c1, c2 = (0.01 * 255) ** 2, (0.03 * 255) ** 2
        values.append(np.mean((2 * mx * my + c1) * (2 * vxy + c2) / ((mx**2 + my**2 + c1) * (vx + vy + c2))))
    return float(np.mean(values))


def luma(x):
    return 16 + (x @ np.array([65.481, 128.553, 24.966])) / 255


def crop(x, border):
    return x[border:-border, border:-border]


def images():
    gauss = np.exp(-0.5 * (np.arange(-5, 6) / 1.5) ** 2)
    gauss /= gauss.sum()
    found = {}
    for name, (a, b) in PAIRS.items():
        a, b = a.astype(np.float64), b.astype(np.float64)
        ya, yb = crop(luma(a), 2), crop(luma(b), 2)
        ra, rb = crop(np.floor(luma(a) + 0.5), 2), crop(np.floor(luma(b) + 0.5), 2)
        stretch = lambda x: (x - x.min()) / (x.max() - x.min())
        found[name] = {
            "psnr": psnr(a, b),
            "psnrBorder4": psnr(crop(a, 4), crop(b, 4)),
            "psnrStretched": psnr(stretch(a), stretch(b), 1),
            "uniform": ssim(a, b),
            "uniformPopulation": ssim(a, b, use_sample_covariance=False),
            "uniformBorder4": ssim(crop(a, 4), crop(b, 4)),
            "uniformZeroEdges": ssim_with_zeros(a, b, np.full(7, 1 / 7), True),
            "gaussian": ssim(a, b, use_sample_covariance=False, **GAUSS),
            "gaussianSample": ssim(a, b, **GAUSS),
            "gaussianZeroEdges": ssim_with_zeros(a, b, gauss, False),
            "lumaPsnr": psnr(ya, yb),
            "lumaSsim": ssim(ya, yb, use_sample_covariance=False, **GAUSS),
            "roundedLumaPsnr": psnr(ra, rb),
            "roundedLumaSsim": ssim(ra, rb, use_sample_covariance=False, **GAUSS),
        }
    return found


def frechet(x, y):
    s, t = np.cov(x, rowvar=False), np.cov(y, rowvar=False)
    root = linalg.sqrtm(s @ t).real
    return float(((x.mean(0) - y.mean(0)) ** 2).sum() + np.trace(s) + np.trace(t) - 2 * np.trace(root))


def features():
    from record import drawn
    mixing = drawn(9 * 9, 3).astype(np.float64).reshape(9, 9)
    x = drawn(40 * 9, 1).astype(np.float64).reshape(40, 9) @ mixing
    y = drawn(23 * 9, 2).astype(np.float64).reshape(23, 9) + 0.25
    symmetric = mixing + mixing.T
    return {
        "distance": frechet(x.astype(np.float32).astype(np.float64), y.astype(np.float32).astype(np.float64)),
        "eigenvalues": linalg.eigvalsh(symmetric).tolist(),
    }


def student(degrees, confidence):
    """By the inverse beta function: stats.t.ppf has nine digits only."""
    x = special.betaincinv(degrees / 2, 0.5, 1 - confidence)
    return float(np.sqrt(degrees * (1 - x) / x))


def main():
    sample = [31.5, 28.25, 30.0, 27.75, 33.125, 29.5, 30.25]
    recorded = {
        "images": images(),
        "features": features(),
        "student": [[k, p, student(k, p)] for k, p in
                    ((1, 0.95), (2, 0.9), (4, 0.95), (9, 0.99), (29, 0.95), (999, 0.95), (30, 0.5))],
        "summary": {
            "values": sample,
            "mean": float(np.mean(sample)),
            "standardDeviation": float(np.std(sample, ddof=1)),
            "standardError": float(stats.sem(sample)),
            "interval": [float(np.mean(sample) + side * student(6, 0.95) * stats.sem(sample)) for side in (-1, 1)],
        },
    }
    (HERE / "recorded.json").write_text(json.dumps(recorded, indent=2) + "\n")


if __name__ == "__main__":
    main()
