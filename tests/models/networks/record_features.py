"""Records what PyTorch makes of small feature networks: VGG16 and AlexNet with LPIPS on top, and Inception v3.

    python3 tests/models/networks/record_features.py

Needs PyTorch (1.13 was used) and NumPy. The networks are written here from their published description, apart from the
TypeScript ones, with all numbers of channels divided by DIVISOR. Parameters are not stored: both sides draw them from
a seed, see record.py; variances of norms are 1 + 0.2 times the drawn value. Everything is computed in float64.
"""

import math
import pathlib

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from record import drawn, write_safetensors

HERE = pathlib.Path(__file__).parent
SEED, LINEAR_SEED = 5, 6
DIVISOR = 16


def draw(tensors, seed):
    for index, (name, tensor) in enumerate(sorted(tensors.items())):
        value = drawn(tensor.numel(), seed * 1000 + index).astype(np.float64)
        vector = tensor.dim() == 1
        if vector and name.endswith(".weight"):
            value = 1 + 0.3 * value
        else:
            value = 1.5 * value / math.sqrt(1 if vector else tensor.numel() / tensor.shape[0])
        value = value.astype(np.float32).astype(np.float64)
        if name.endswith(".running_var"):
            value = (1 + 0.2 * value).astype(np.float32).astype(np.float64)
        tensor.copy_(torch.from_numpy(value).reshape(tensor.shape))


def vgg():
    layers, inputs = [], 3
    for stage, (width, count) in enumerate([(64, 2), (128, 2), (256, 3), (512, 3), (512, 3)]):
        if stage:
            layers.append(nn.MaxPool2d(2, 2))
        for _ in range(count):
            layers += [nn.Conv2d(inputs, width // DIVISOR, 3, padding=1), nn.ReLU()]
            inputs = width // DIVISOR
    return nn.Sequential(*layers), [3, 8, 15, 22, 29]


def alex():
    widths = [w // DIVISOR for w in (64, 192, 384, 256, 256)]
    a, b, c, d, e = widths
    return nn.Sequential(
        nn.Conv2d(3, a, 11, stride=4, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(a, b, 5, padding=2), nn.ReLU(), nn.MaxPool2d(3, 2),
        nn.Conv2d(b, c, 3, padding=1), nn.ReLU(), nn.Conv2d(c, d, 3, padding=1), nn.ReLU(),
        nn.Conv2d(d, e, 3, padding=1), nn.ReLU()), [1, 4, 7, 9, 11]


def lpips(build, size):
    network, read = build()
    draw(dict(network.named_parameters()), SEED)
    shift = torch.tensor([-0.030, -0.088, -0.188]).reshape(1, 3, 1, 1)
    scale = torch.tensor([0.458, 0.448, 0.450]).reshape(1, 3, 1, 1)
    images = torch.from_numpy(drawn(4 * 3 * size[0] * size[1], 1)).double().reshape(4, 3, *size)

    def features(x):
        found = []
        for index, layer in enumerate(network):
            x = layer(x)
            if index in read:
                found.append(x)
        return found

    taps = features((images - shift) / scale)
    linear = {f"{k}.model.1.weight": torch.zeros(1, tap.shape[1], 1, 1) for k, tap in enumerate(taps)}
    draw(linear, LINEAR_SEED)
    parts = []
    for k, tap in enumerate(taps):
        unit = tap / (tap.pow(2).sum(1, keepdim=True).sqrt() + 1e-10)
        squares = (unit[:2] - unit[2:]) ** 2
        parts.append(F.conv2d(squares, linear[f"{k}.model.1.weight"]).mean(dim=(1, 2, 3)))
    layers = torch.stack(parts, dim=1)
    return {"size": torch.tensor([float(s) for s in size]), "tap.last": taps[-1], "tap.means": torch.cat(
        [tap.mean(dim=(2, 3)) for tap in taps], dim=1), "layers": layers, "distance": layers.sum(dim=1)}


class Conv(nn.Module):
    def __init__(self, inputs, outputs, **options):
        super().__init__()
        self.conv = nn.Conv2d(inputs, outputs, bias=False, **options)
        self.bn = nn.BatchNorm2d(outputs, eps=0.001)

    def forward(self, x):
        return F.relu(self.bn(self.conv(x)))


class Mixed(nn.Module):
    """Convolutions by name, and what is made of them."""

    def __init__(self, convolutions, forward):
        super().__init__()
        for name, (inputs, outputs, *rest) in convolutions.items():
            size, padding, stride = (rest + [1, 0, 1][len(rest):])
            self.add_module(name, Conv(inputs, outputs, kernel_size=size, padding=padding, stride=stride))
        self.make = forward

    def forward(self, x):
        def chain(x, *names):
            for name in names:
                x = getattr(self, name)(x)
            return x
        return torch.cat(self.make(chain, x), dim=1)


def inception(variant):
    w = lambda channels: channels // DIVISOR
    fid = variant == "fid"
    mean = lambda x: F.avg_pool2d(x, 3, stride=1, padding=1, count_include_pad=not fid)
    largest = lambda x: F.max_pool2d(x, 3, stride=1, padding=1)

    def a(inputs, pooled):
        return Mixed({
            "branch1x1": (inputs, w(64)), "branch5x5_1": (inputs, w(48)), "branch5x5_2": (w(48), w(64), 5, 2),
            "branch3x3dbl_1": (inputs, w(64)), "branch3x3dbl_2": (w(64), w(96), 3, 1),
            "branch3x3dbl_3": (w(96), w(96), 3, 1), "branch_pool": (inputs, pooled)},
            lambda c, x: [c(x, "branch1x1"), c(x, "branch5x5_1", "branch5x5_2"),
                          c(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"), c(mean(x), "branch_pool")])

    def b(inputs):
        return Mixed({
            "branch3x3": (inputs, w(384), 3, 0, 2), "branch3x3dbl_1": (inputs, w(64)),
            "branch3x3dbl_2": (w(64), w(96), 3, 1), "branch3x3dbl_3": (w(96), w(96), 3, 0, 2)},
            lambda c, x: [c(x, "branch3x3"), c(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3"),
                          F.max_pool2d(x, 3, stride=2)])

    def c7(inputs, n):
        row, column = ((1, 7), (0, 3)), ((7, 1), (3, 0))
        return Mixed({
            "branch1x1": (inputs, w(192)), "branch7x7_1": (inputs, n), "branch7x7_2": (n, n, *row),
            "branch7x7_3": (n, w(192), *column), "branch7x7dbl_1": (inputs, n), "branch7x7dbl_2": (n, n, *column),
            "branch7x7dbl_3": (n, n, *row), "branch7x7dbl_4": (n, n, *column), "branch7x7dbl_5": (n, w(192), *row),
            "branch_pool": (inputs, w(192))},
            lambda c, x: [c(x, "branch1x1"), c(x, "branch7x7_1", "branch7x7_2", "branch7x7_3"),
                          c(x, *(f"branch7x7dbl_{k}" for k in range(1, 6))), c(mean(x), "branch_pool")])

    def d(inputs):
        return Mixed({
            "branch3x3_1": (inputs, w(192)), "branch3x3_2": (w(192), w(320), 3, 0, 2),
            "branch7x7x3_1": (inputs, w(192)), "branch7x7x3_2": (w(192), w(192), (1, 7), (0, 3)),
            "branch7x7x3_3": (w(192), w(192), (7, 1), (3, 0)), "branch7x7x3_4": (w(192), w(192), 3, 0, 2)},
            lambda c, x: [c(x, "branch3x3_1", "branch3x3_2"), c(x, *(f"branch7x7x3_{k}" for k in range(1, 5))),
                          F.max_pool2d(x, 3, stride=2)])

    def e(inputs, pool):
        row, column = ((1, 3), (0, 1)), ((3, 1), (1, 0))
        return Mixed({
            "branch1x1": (inputs, w(320)), "branch3x3_1": (inputs, w(384)),
            "branch3x3_2a": (w(384), w(384), *row), "branch3x3_2b": (w(384), w(384), *column),
            "branch3x3dbl_1": (inputs, w(448)), "branch3x3dbl_2": (w(448), w(384), 3, 1),
            "branch3x3dbl_3a": (w(384), w(384), *row), "branch3x3dbl_3b": (w(384), w(384), *column),
            "branch_pool": (inputs, w(192))},
            lambda c, x: [c(x, "branch1x1"), c(x, "branch3x3_1", "branch3x3_2a"), c(x, "branch3x3_1", "branch3x3_2b"),
                          c(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3a"),
                          c(x, "branch3x3dbl_1", "branch3x3dbl_2", "branch3x3dbl_3b"), c(pool(x), "branch_pool")])

    network = nn.Module()
    halve = nn.MaxPool2d(3, 2)
    for name, block in [
            ("Conv2d_1a_3x3", Conv(3, w(32), kernel_size=3, stride=2)),
            ("Conv2d_2a_3x3", Conv(w(32), w(32), kernel_size=3)),
            ("Conv2d_2b_3x3", Conv(w(32), w(64), kernel_size=3, padding=1)),
            ("Conv2d_3b_1x1", Conv(w(64), w(80), kernel_size=1)),
            ("Conv2d_4a_3x3", Conv(w(80), w(192), kernel_size=3)),
            ("Mixed_5b", a(w(192), w(32))), ("Mixed_5c", a(w(256), w(64))), ("Mixed_5d", a(w(288), w(64))),
            ("Mixed_6a", b(w(288))), ("Mixed_6b", c7(w(768), w(128))), ("Mixed_6c", c7(w(768), w(160))),
            ("Mixed_6d", c7(w(768), w(160))), ("Mixed_6e", c7(w(768), w(192))), ("Mixed_7a", d(w(768))),
            ("Mixed_7b", e(w(1280), mean)), ("Mixed_7c", e(w(2048), largest if fid else mean))]:
        network.add_module(name, block)
    network.eval()
    draw({name: value for name, value in network.state_dict().items() if value.dim() > 0}, SEED)
    images = torch.from_numpy(drawn(2 * 3 * 24 * 37, 1)).double().reshape(2, 3, 24, 37)
    x = F.interpolate(images, size=(299, 299), mode="bilinear", align_corners=False)
    tensors = {"resized.corner": x[:, :, :3, :5]}
    for name, block in network.named_children():
        x = block(x)
        if name in ("Conv2d_2b_3x3", "Conv2d_4a_3x3"):
            x = halve(x)
        tensors[f"means.{name}"] = x.mean(dim=(2, 3))
    return {**tensors, "features": x.mean(dim=(2, 3))}


def main():
    torch.set_default_dtype(torch.float64)
    with torch.no_grad():
        cases = {"lpips-vgg": lpips(vgg, (35, 41)), "lpips-alex": lpips(alex, (67, 71)),
                 "inception-fid": inception("fid"), "inception-torchvision": inception("torchvision")}
    for name, tensors in cases.items():
        metadata = {"seed": str(SEED), "linear_seed": str(LINEAR_SEED), "divisor": str(DIVISOR)}
        write_safetensors(HERE / f"{name}.safetensors", tensors, metadata)
        print(name, {key: list(tensor.shape) for key, tensor in tensors.items()}, tensors.get("distance"))


if __name__ == "__main__":
    main()
