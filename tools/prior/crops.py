"""Crops of photographs, 64x64 RGB, drawn from a seed: any scale and place, mirrored, mildly changed in colour and light.

A photograph is reduced by means of areas, by 2 or more in most crops: there the traces of its camera and its compression
are gone. It is kept at 1/2, 1/4, ... of its size as well, so that a crop is never made of more than 256x256 pixels.
"""

import numpy as np

import photographs
import scenes

SIDE = 64
LARGEST = 16  # reduction
FLAT = 2.0  # grey levels: mean difference of horizontal neighbours
training = None  # the Crops that shards are drawn from; set before the processes that draw them are made


def halved(img):
    h, w = img.shape[0] // 2 * 2, img.shape[1] // 2 * 2
    img = img[:h, :w].astype(np.uint16)
    return ((img[::2, ::2] + img[1::2, ::2] + img[::2, 1::2] + img[1::2, 1::2] + 2) // 4).astype(np.uint8)


class Photograph:
    """One photograph at full size and its halvings."""

    def __init__(self, image):
        self.levels = [np.asarray(image)]
        self.side = min(self.levels[0].shape[:2])
        while min(self.levels[-1].shape[:2]) >= 2 * SIDE:
            self.levels.append(halved(self.levels[-1]))

    def crop(self, scale, x, y, side=SIDE):
        """Means over squares of `scale` pixels, from a place given as parts of what is free [side, side, 3]."""
        level = min(max(int(np.log2(scale)) - 1, 0), len(self.levels) - 1)
        img = self.levels[level]
        s = min(scale / 2**level, min(img.shape[:2]) / side)  # an odd row or column is lost in halving
        top, left = y * (img.shape[0] - side * s), x * (img.shape[1] - side * s)
        rows, columns = reduction(top, s, side), reduction(left, s, side)
        part = img[rows[0]:rows[0] + rows[1].shape[1], columns[0]:columns[0] + columns[1].shape[1]]
        means = np.tensordot(rows[1], part.astype(np.float32), (1, 0))
        return np.tensordot(columns[1], means, (1, 1)).transpose(1, 0, 2)


def reduction(start, scale, count):
    """First pixel and matrix [count, pixels] of the means over `count` stretches of `scale` pixels from `start` on."""
    edges = max(start, 0) + scale * np.arange(count + 1)
    first, last = int(edges[0] + 1e-6), int(np.ceil(edges[-1] - 1e-6))
    pixels = np.arange(first, last)
    overlap = np.minimum(edges[1:, None], pixels + 1) - np.maximum(edges[:-1, None], pixels)
    weights = np.clip(overlap, 0, None).astype(np.float32)
    return first, weights / weights.sum(axis=1, keepdims=True)


def detail(crop):
    """Mean difference of horizontal neighbours, in grey levels."""
    return float(np.abs(np.diff(crop.mean(axis=2), axis=1)).mean())


def changed(rng, crop):
    """Mild changes of exposure, colour of the light, contrast and saturation."""
    img = np.clip(crop / 255, 0, 1) ** np.exp(rng.normal(0, 0.1))
    img = img * np.exp(rng.normal(0, 0.1)) * np.exp(rng.normal(0, 0.03, 3))
    saturation = 0 if rng.random() < 0.02 else np.exp(rng.normal(0, 0.15))
    grey = img.mean(axis=2, keepdims=True)
    return (grey + saturation * (img - grey)) * 255


class Crops:
    """Photographs of a folder, and crops of them."""

    def __init__(self, folder, use):
        self.photographs = [Photograph(image) for _, image in photographs.read(folder, {use})]
        if not self.photographs:
            raise ValueError(f"Cannot draw crops from {folder}: none of its photographs is for {use}")
        self.sides = np.array([p.side for p in self.photographs])
        self.weights = np.array([p.levels[0].size for p in self.photographs]) ** 0.5

    def sample(self, rng):
        """One crop, uint8 [64, 64, 3]. Of flat ones seven of ten are drawn again."""
        while True:
            scale = 2 ** rng.uniform(0, 1) if rng.random() < 0.15 else 2 ** rng.uniform(1, np.log2(LARGEST))
            weights = self.weights * (self.sides >= SIDE * scale)
            if not weights.any():
                continue
            photo = self.photographs[rng.choice(len(weights), p=weights / weights.sum())]
            crop = photo.crop(scale, *rng.random(2))
            if detail(crop) < FLAT and rng.random() < 0.7:
                continue
            if rng.random() < 0.1:
                crop = crop[::-1]
            return (np.clip(changed(rng, crop), 0, 255) + 0.5).astype(np.uint8)


def shard(job):
    """Pictures `number` of an endless sequence: (seed, number, count, share) -> uint8 [count, 64, 64, 3].

    A picture is a crop of a photograph by the probability `share`, and else one of scenes.py.
    """
    seed, number, count, share = job
    rng = np.random.default_rng([seed, number])
    return np.stack([training.sample(rng) if share and rng.random() < share else scenes.sample(rng)
                     for _ in range(count)])
