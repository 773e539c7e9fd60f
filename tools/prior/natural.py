"""Scenes closer to photographs than the plain dead leaves of scenes.py: organic contours, shaded and textured bodies
that throw shadows, depth of field, uneven light; and portraits seen from other distances and angles, lit the same way.
"""

import numpy as np
from numpy.fft import irfft2

S = 128
YY, XX = np.mgrid[0:S, 0:S].astype(np.float32)
FY, FX = np.fft.fftfreq(S)[:, None].astype(np.float32), np.fft.rfftfreq(S)[None, :].astype(np.float32)


def field(rng, slope, stretch=1.0):
    """Noise with spectrum f^-slope, zero mean and unit deviation [S, S]; `stretch` > 1 draws it out into strands."""
    angle = rng.uniform(0, np.pi)
    along, across = FX * np.cos(angle) + FY * np.sin(angle), FY * np.cos(angle) - FX * np.sin(angle)
    f = np.sqrt((along * stretch) ** 2 + across**2)
    f[0, 0] = np.inf
    noise = rng.standard_normal((2, S, S // 2 + 1), np.float32)
    n = irfft2((noise[0] + 1j * noise[1]) * f**-slope, s=(S, S)).astype(np.float32)
    return n / (n.std() + 1e-6)


def blur(img, sigma):
    """Gaussian blur of [S, S, C]; edges mirrored."""
    if sigma < 0.3:
        return img
    r = int(2.5 * sigma) + 1
    k = np.exp(-0.5 * (np.arange(-r, r + 1) / sigma) ** 2).astype(np.float32)
    k /= k.sum()
    p = np.pad(img, ((r, r), (0, 0), (0, 0)), "reflect")
    img = sum(k[i] * p[i:i + S] for i in range(2 * r + 1))
    p = np.pad(img, ((0, 0), (r, r), (0, 0)), "reflect")
    return sum(k[i] * p[:, i:i + S] for i in range(2 * r + 1))


def sample_at(img, x, y):
    """Bilinear values of [S, S, C] at positions [S, S]; outside, the nearest edge."""
    x, y = np.clip(x, 0, S - 1.001), np.clip(y, 0, S - 1.001)
    i, j = y.astype(np.int32), x.astype(np.int32)
    b, a = (y - i)[..., None], (x - j)[..., None]
    flat, at = img.reshape(S * S, -1), i * S + j
    return ((1 - b) * ((1 - a) * flat[at] + a * flat[at + 1]) + b * ((1 - a) * flat[at + S] + a * flat[at + S + 1]))


def textures(rng):
    """A few surfaces of one scene: log brightness [S, S] each."""
    made = []
    for _ in range(rng.integers(2, 4)):
        kind = rng.integers(0, 5)
        if kind == 0:  # rough
            n = field(rng, rng.uniform(0.5, 1.4))
        elif kind == 1:  # fur, grass, wood, hair
            n = field(rng, rng.uniform(0.8, 1.5), rng.uniform(3, 10))
        elif kind == 2:  # patches
            n = np.tanh(rng.uniform(1, 4) * field(rng, rng.uniform(1.2, 2)))
        elif kind == 3:  # bent stripes, ripples
            f = field(rng, 2.2) * rng.uniform(0.5, 3)
            angle = rng.uniform(0, np.pi)
            n = np.sin(rng.uniform(0.15, 1.2) * (XX * np.cos(angle) + YY * np.sin(angle)) + f)
        else:  # foliage: light and dark at all scales, dark gaps
            n = np.minimum(field(rng, rng.uniform(0.9, 1.3)), 0.6) * 1.3
        made.append(n * rng.choice([0.06, 0.12, 0.25, 0.4]))
    return made


def outline(rng, x, y, radius):
    """A body around a random centre: inside or not, and its own coordinates u, v in units of the radius."""
    cx, cy, angle = rng.uniform(-0.1 * S, 1.1 * S), rng.uniform(-0.1 * S, 1.1 * S), rng.uniform(0, np.pi)
    c, s = np.cos(angle), np.sin(angle)
    u, v = ((x - cx) * c + (y - cy) * s) / radius, ((y - cy) * c - (x - cx) * s) / radius
    flat, kind = rng.uniform(0.3, 1), rng.integers(0, 5 if radius > 20 else 4)
    if kind <= 1:
        inside = u * u + (v / flat) ** 2 < 1
    elif kind == 2:
        inside = (np.abs(u) < 1) & (np.abs(v) < flat)
    elif kind == 3:  # a limb
        inside = (np.abs(v) < 0.12 + 0.1 * flat) & (np.abs(u) < 2.5)
    else:  # a ridge, a horizon: everything on one side
        inside = v > flat * rng.uniform(-0.5, 2)
    return inside, u, v


def bodies(rng, colours):
    """Bodies of all sizes, one over the other, the far ones out of focus [S, S, 3]."""
    bend = rng.choice([0, 2, 5, 9])
    x, y = (XX + bend * field(rng, 1.9), YY + bend * field(rng, 1.9)) if bend else (XX, YY)
    surfaces = textures(rng)
    light = rng.normal(0, 1, 2)
    light /= np.hypot(*light) + 1e-6
    depth = rng.choice([0, 0, 1.5, 3.5])
    count = int(rng.choice([6, 15, 30, 60]))
    smallest, largest = rng.uniform(3, 14), rng.uniform(25, 80)
    radii = np.sort((smallest**-2 + rng.random(count) * (largest**-2 - smallest**-2)) ** -0.5)[::-1]
    shadow = rng.choice([0, 0, 0.25, 0.45])
    sx, sy = (int(v) for v in -light * rng.uniform(2, 6))

    def surface():
        n = surfaces[rng.integers(len(surfaces))]
        tint = 1 + rng.normal(0, 0.25, 3).astype(np.float32)
        n = np.roll(n, tuple(rng.integers(0, S, 2)), (0, 1)) * rng.choice([0, 0.5, 1])
        return np.exp(n[..., None] * tint)

    img = colours[0] * surface() * np.exp(0.006 * rng.normal() * (light[0] * (XX - 64) + light[1] * (YY - 64)))[..., None]
    for k, radius in enumerate(radii):
        if depth and k == count // 2:
            img = blur(img, depth)
        inside, u, v = outline(rng, x, y, radius)
        weights = rng.dirichlet(np.ones(len(colours)) * 0.5)
        colour = np.clip(weights @ colours + rng.normal(0, 0.05, 3), 0.02, 1).astype(np.float32)
        if shadow and radius > 5:
            cast = np.roll(inside, (sy, sx), (0, 1)) & ~inside
            img[cast] *= 1 - shadow
        at = np.nonzero(inside)
        lit = 1 + rng.uniform(0, 0.5) * np.clip(light[0] * u[at] + light[1] * v[at], -1, 1)
        body = colour * lit[:, None]
        if radius > 6:
            body = body * surface()[at]
        img[at] = body
    return img


def seen(rng, img):
    """The same picture from another distance and angle, a little bent."""
    angle, scale, bend = rng.normal(0, 0.2), rng.choice([1, rng.uniform(0.55, 1.1)]), rng.choice([0, 2, 4])
    c, s = np.cos(angle) * scale, np.sin(angle) * scale
    cx, cy = rng.normal(64, 6, 2)
    x, y = cx + c * (XX - 64) - s * (YY - 64), cy + s * (XX - 64) + c * (YY - 64)
    if bend:
        x, y = x + bend * field(rng, 2.2), y + bend * field(rng, 2.2)
    return sample_at(img, x, y)


def developed(rng, img):
    """Uneven light, focus, exposure, colour of the light, tone curve, grain."""
    if rng.random() < 0.6:
        img = img * np.exp(rng.uniform(0, 0.35) * field(rng, rng.uniform(1.8, 2.6)))[..., None]
    img = blur(img, rng.choice([0, 0.5, 0.8, 1.4]))
    img = np.clip(img * rng.uniform(0.7, 1.15) * (1 + rng.normal(0, 0.06, 3)), 0, None).astype(np.float32)
    img = img ** rng.uniform(0.7, 1.5)
    if rng.random() < 0.3:  # faded or nearly grey
        img = img + rng.uniform(0.2, 0.9) * (img.mean(axis=2, keepdims=True) - img)
    if rng.random() < 0.5:
        img = img + rng.uniform(0, 0.05) * rng.standard_normal(img.shape, np.float32)
    return img
