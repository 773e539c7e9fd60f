"""Writes the checkpoints of this folder: small networks of two families, in both containers of PyTorch.

Needed only to write them again; PyTorch 1.13 wrote those that are here: python3 write_checkpoints.py
Names and shapes are those of the published programs. All weights are views of two storages, which keeps the files small.
"""

import collections
import pathlib

import torch

HERE = pathlib.Path(__file__).parent
WIDTH = 32
EMBEDDING = 4 * WIDTH


class Weights(collections.OrderedDict):
    """A state dict whose tensors lie in a storage of small numbers, or, for scales of norms, of numbers around 1."""

    def __init__(self, seed):
        super().__init__()
        generator = torch.Generator().manual_seed(seed)
        uniform = torch.rand(24000, generator=generator) * 2 - 1
        self.numbers = (0.08 * uniform).half()
        self.scales = (1 + 0.3 * uniform[:128]).half()

    def view(self, name, storage, shape):
        count = int(torch.tensor(shape).prod())
        offset = (len(self) * 37) % (storage.numel() - count + 1)
        self[name] = storage[offset : offset + count].view(shape)

    def norm(self, name, channels):
        self.view(name + ".weight", self.scales, [channels])
        self.view(name + ".bias", self.numbers, [channels])

    def layer(self, name, outputs, inputs, *window):
        self.view(name + ".weight", self.numbers, [outputs, inputs, *window])
        self.view(name + ".bias", self.numbers, [outputs])


def guided():
    """UNetModel: one level, one residual block, two heads of 16 channels, learned variance."""
    weights = Weights(1)

    def residual(name, inputs):
        weights.norm(name + ".in_layers.0", inputs)
        weights.layer(name + ".in_layers.2", WIDTH, inputs, 3, 3)
        weights.layer(name + ".emb_layers.1", 2 * WIDTH, EMBEDDING)
        weights.norm(name + ".out_layers.0", WIDTH)
        weights.layer(name + ".out_layers.3", WIDTH, WIDTH, 3, 3)
        if inputs != WIDTH:
            weights.layer(name + ".skip_connection", WIDTH, inputs, 1, 1)

    weights.layer("time_embed.0", EMBEDDING, WIDTH)
    weights.layer("time_embed.2", EMBEDDING, EMBEDDING)
    weights.layer("input_blocks.0.0", WIDTH, 3, 3, 3)
    residual("input_blocks.1.0", WIDTH)
    residual("middle_block.0", WIDTH)
    weights.norm("middle_block.1.norm", WIDTH)
    weights.layer("middle_block.1.qkv", 3 * WIDTH, WIDTH, 1)
    weights.layer("middle_block.1.proj_out", WIDTH, WIDTH, 1)
    residual("middle_block.2", WIDTH)
    residual("output_blocks.0.0", 2 * WIDTH)
    residual("output_blocks.1.0", 2 * WIDTH)
    weights.norm("out.0", WIDTH)
    weights.layer("out.2", 6, WIDTH, 3, 3)
    return weights


def ddpm():
    """Model: one level, one residual block with attention, as DataParallel names its tensors."""
    weights = Weights(2)

    def residual(name, inputs):
        weights.norm(name + ".norm1", inputs)
        weights.layer(name + ".conv1", WIDTH, inputs, 3, 3)
        weights.layer(name + ".temb_proj", WIDTH, EMBEDDING)
        weights.norm(name + ".norm2", WIDTH)
        weights.layer(name + ".conv2", WIDTH, WIDTH, 3, 3)
        if inputs != WIDTH:
            weights.layer(name + ".nin_shortcut", WIDTH, inputs, 1, 1)

    def attention(name):
        weights.norm(name + ".norm", WIDTH)
        for part in ["q", "k", "v", "proj_out"]:
            weights.layer(name + "." + part, WIDTH, WIDTH, 1, 1)

    weights.layer("temb.dense.0", EMBEDDING, WIDTH)
    weights.layer("temb.dense.1", EMBEDDING, EMBEDDING)
    weights.layer("conv_in", WIDTH, 3, 3, 3)
    residual("down.0.block.0", WIDTH)
    attention("down.0.attn.0")
    residual("mid.block_1", WIDTH)
    attention("mid.attn_1")
    residual("mid.block_2", WIDTH)
    for block in range(2):
        residual(f"up.0.block.{block}", 2 * WIDTH)
        attention(f"up.0.attn.{block}")
    weights.norm("norm_out", WIDTH)
    weights.layer("conv_out", 3, WIDTH, 3, 3)
    return collections.OrderedDict(("module." + name, tensor) for name, tensor in weights.items())


def main():
    for name, weights in [("guided", guided()), ("ddpm", ddpm())]:
        weights = collections.OrderedDict(weights)
        torch.save(weights, HERE / f"{name}.pt")
        torch.save({"state_dict": weights}, HERE / f"{name}_legacy.ckpt", _use_new_zipfile_serialization=False)


if __name__ == "__main__":
    main()
