"""PyTorch as a peer: runs programs of a few operations, images channels first.

Reads lines of JSON from stdin and answers each with a line of JSON on stdout.
{"load": PATH}: a program {"threads", "ops": [[name, result, arguments...]], "tensors": [[name, shape]]} in the first
line of the file, then the tensors as little-endian f32; answers {"version": ...}.
{"run": true}: runs it once; answers {}. {"read": PATH}: writes the result of the last run; answers {}.
"""
import json
import math
import sys

import torch
import torch.nn.functional as F


def convolution(tensors, x, name):
    weight = tensors[name + ".weight"]
    return F.conv2d(x, weight, tensors.get(name + ".bias"), padding=weight.shape[-1] // 2)


def linear(tensors, x, name):
    return F.linear(x, tensors[name + ".weight"], tensors[name + ".bias"])


def norm(tensors, x, name, groups, epsilon, modulation=None):
    y = F.group_norm(x, groups, tensors[name + ".weight"], tensors[name + ".bias"], epsilon)
    if modulation is None:
        return y
    scale, shift = modulation[:, :, None, None].chunk(2, dim=1)
    return y * (1 + scale) + shift


def attention(tensors, x, name, heads, groups, epsilon):
    images, channels, height, width = x.shape
    y = norm(tensors, x.reshape(images, channels, -1), name + ".norm", groups, epsilon)
    qkv = F.conv1d(y, tensors[name + ".qkv.weight"], tensors[name + ".qkv.bias"])
    q, k, v = qkv.reshape(images * heads, 3 * channels // heads, -1).chunk(3, dim=1)
    scale = 1 / math.sqrt(math.sqrt(channels // heads))
    weights = torch.softmax(torch.einsum("bct,bcs->bts", q * scale, k * scale), dim=-1)
    mixed = torch.einsum("bts,bcs->bct", weights, v).reshape(images, channels, -1)
    added = F.conv1d(mixed, tensors[name + ".proj_out.weight"], tensors[name + ".proj_out.bias"])
    return x + added.reshape(x.shape)


OPERATIONS = {
    "convolution": convolution,
    "linear": linear,
    "norm": norm,
    "attention": attention,
    "matmul": lambda tensors, a, b: a @ b,
    "silu": lambda tensors, x: F.silu(x),
    "add": lambda tensors, a, b: a + b,
    "concat": lambda tensors, a, b: torch.cat([a, b], dim=1),
    "halve": lambda tensors, x: F.avg_pool2d(x, 2),
    "double": lambda tensors, x: F.interpolate(x, scale_factor=2, mode="nearest"),
}


class Program:
    def __init__(self, path):
        with open(path, "rb") as file:
            header = json.loads(file.readline())
            torch.set_num_threads(header["threads"])
            self.ops = header["ops"]
            self.tensors = {}
            for name, shape in header["tensors"]:
                data = bytearray(file.read(4 * math.prod(shape)))
                self.tensors[name] = torch.frombuffer(data, dtype=torch.float32).reshape(shape)

    def run(self):
        values = dict(self.tensors)
        for name, result, *arguments in self.ops:
            taken = [values[a["of"]] if isinstance(a, dict) else a for a in arguments]
            values[result] = OPERATIONS[name](self.tensors, *taken)
        return values[self.ops[-1][1]]


def main():
    program = result = None
    for line in sys.stdin:
        request = json.loads(line)
        answer = {}
        with torch.inference_mode():
            if "load" in request:
                program = Program(request["load"])
                answer = {"version": torch.__version__}
            elif "run" in request:
                result = program.run()
            else:
                with open(request["read"], "wb") as file:
                    file.write(result.contiguous().numpy().tobytes())
        print(json.dumps(answer), flush=True)


main()
