"""Records what PyTorch makes of small networks, for tests of the networks of this program.

    python3 tests/models/networks/record.py

Needs PyTorch (1.13 was used) and NumPy. The networks are written here from their description, apart from the
TypeScript ones: the noise-aware classifier of guided-diffusion with each of its four pools, and the DDPM network.
Parameters are not stored: both sides draw them from a seed with the same integer generator (`drawn` here,
`randomTensorsOf` there), in the order of their names. Everything is computed in float64 and stored in float32.
"""

import json
import math
import pathlib
import struct

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

SEED = 5
HERE = pathlib.Path(__file__).parent


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


def draw_parameters(model):
    for index, (name, parameter) in enumerate(sorted(model.state_dict().items())):
        value = drawn(parameter.numel(), SEED * 1000 + index).astype(np.float64)
        vector = parameter.dim() == 1
        if vector and name.endswith(".weight"):
            value = 1 + 0.3 * value
        else:
            value = 1.5 * value / math.sqrt(1 if vector else parameter.numel() / parameter.shape[0])
        parameter.copy_(torch.from_numpy(value.astype(np.float32).astype(np.float64)).reshape(parameter.shape))


def sinusoids(t, width, waves, divisor):
    half = width // 2
    angles = t[:, None] * torch.exp(-math.log(10000) * torch.arange(half) / divisor(half))
    return torch.cat([wave(angles) for wave in waves], dim=1)


def attend(q, k, v):
    """[N, heads, T, c] each."""
    return torch.softmax(q @ k.transpose(-1, -2) / math.sqrt(q.shape[-1]), dim=-1) @ v


class GuidedResidual(nn.Module):
    def __init__(self, inputs, outputs, emb, scale_shift, halve=False):
        super().__init__()
        self.scale_shift, self.halve = scale_shift, halve
        self.in_layers = nn.Sequential(nn.GroupNorm(32, inputs), nn.SiLU(), nn.Conv2d(inputs, outputs, 3, padding=1))
        self.emb_layers = nn.Sequential(nn.SiLU(), nn.Linear(emb, 2 * outputs if scale_shift else outputs))
        self.out_layers = nn.Sequential(
            nn.GroupNorm(32, outputs), nn.SiLU(), nn.Dropout(0), nn.Conv2d(outputs, outputs, 3, padding=1))
        self.skip_connection = nn.Identity() if inputs == outputs else nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, emb):
        h = self.in_layers[:2](x)
        if self.halve:
            h, x = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
        h = self.in_layers[2](h)
        condition = self.emb_layers(emb)[:, :, None, None]
        if self.scale_shift:
            scale, shift = condition.chunk(2, dim=1)
            h = self.out_layers[1:](self.out_layers[0](h) * (1 + scale) + shift)
        else:
            h = self.out_layers(h + condition)
        return self.skip_connection(x) + h


class GuidedAttention(nn.Module):
    def __init__(self, channels, heads, new_order):
        super().__init__()
        self.heads, self.new_order = heads, new_order
        self.norm = nn.GroupNorm(32, channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = nn.Conv1d(channels, channels, 1)

    def forward(self, x, _emb):
        flat = x.flatten(2)
        a = heads_attend(self.qkv(self.norm(flat)), self.heads, self.new_order)
        return (flat + self.proj_out(a)).reshape(x.shape)


def heads_attend(qkv, heads, new_order):
    """[N, 3C, T] -> [N, C, T]; channels are (q|k|v, head, channel) in the new order, else (head, q|k|v, channel)."""
    n, width, length = qkv.shape
    if new_order:
        parts = qkv.reshape(n, 3, heads, -1, length).unbind(1)
    else:
        parts = qkv.reshape(n, heads, 3, -1, length).unbind(2)
    return attend(*(part.transpose(-1, -2) for part in parts)).transpose(-1, -2).reshape(n, width // 3, length)


class Halve(nn.Module):
    def __init__(self, channels, convolve):
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1) if convolve else nn.AvgPool2d(2)

    def forward(self, x, _emb):
        return self.op(x)


class First(nn.Conv2d):
    def forward(self, x, _emb):
        return super().forward(x)


class AttentionPool(nn.Module):
    def __init__(self, side, channels, head_channels, outputs):
        super().__init__()
        self.positional_embedding = nn.Parameter(torch.zeros(channels, side * side + 1))
        self.qkv_proj = nn.Conv1d(channels, 3 * channels, 1)
        self.c_proj = nn.Conv1d(channels, outputs, 1)
        self.heads = channels // head_channels

    def forward(self, x):
        flat = x.flatten(2)
        tokens = torch.cat([flat.mean(2, keepdim=True), flat], dim=2) + self.positional_embedding
        return self.c_proj(heads_attend(self.qkv_proj(tokens), self.heads, True))[:, :, 0]


class EncoderUNetModel(nn.Module):
    def __init__(self, image_size, in_channels, model_channels, out_channels, num_res_blocks, attention_resolutions,
                 channel_mult, conv_resample=True, num_heads=1, num_head_channels=-1, use_scale_shift_norm=False,
                 resblock_updown=False, use_new_attention_order=False, pool="adaptive"):
        super().__init__()
        self.pool, self.width, emb = pool, model_channels, 4 * model_channels

        def residual(inputs, outputs, halve=False):
            return GuidedResidual(inputs, outputs, emb, use_scale_shift_norm, halve)

        def attention(channels):
            heads = num_heads if num_head_channels == -1 else channels // num_head_channels
            return GuidedAttention(channels, heads, use_new_attention_order)

        channels = channel_mult[0] * model_channels
        self.time_embed = nn.Sequential(nn.Linear(model_channels, emb), nn.SiLU(), nn.Linear(emb, emb))
        blocks, features = [[First(in_channels, channels, 3, padding=1)]], [channels]
        for level, multiple in enumerate(channel_mult):
            if level > 0:
                blocks.append([residual(channels, channels, True) if resblock_updown else Halve(channels, conv_resample)])
                features.append(channels)
            for _ in range(num_res_blocks):
                blocks.append([residual(channels, multiple * model_channels)])
                channels = multiple * model_channels
                if 2**level in attention_resolutions:
                    blocks[-1].append(attention(channels))
                features.append(channels)
        self.input_blocks = nn.ModuleList(nn.ModuleList(block) for block in blocks)
        self.middle_block = nn.ModuleList(
            [residual(channels, channels), attention(channels), residual(channels, channels)])
        features = sum(features) + channels
        if pool == "adaptive":
            self.out = nn.Sequential(nn.GroupNorm(32, channels), nn.SiLU(), nn.AdaptiveAvgPool2d((1, 1)),
                                     nn.Conv2d(channels, out_channels, 1), nn.Flatten())
        elif pool == "attention":
            side = image_size // 2 ** (len(channel_mult) - 1)
            self.out = nn.Sequential(nn.GroupNorm(32, channels), nn.SiLU(),
                                     AttentionPool(side, channels, num_head_channels, out_channels))
        elif pool == "spatial":
            self.out = nn.Sequential(nn.Linear(features, 2048), nn.ReLU(), nn.Linear(2048, out_channels))
        else:
            self.out = nn.Sequential(
                nn.Linear(features, 2048), nn.GroupNorm(32, 2048), nn.SiLU(), nn.Linear(2048, out_channels))

    def forward(self, x, t, record):
        emb = record("emb", self.time_embed(sinusoids(t, self.width, (torch.cos, torch.sin), lambda half: half)))
        h, means = x, []
        names = [f"input_blocks.{k}" for k in range(len(self.input_blocks))] + ["middle_block"]
        for name, block in zip(names, [*self.input_blocks, self.middle_block]):
            for layer in block:
                h = layer(h, emb)
            record(f"act.{name}", h)
            means.append(h.mean(dim=(2, 3)))
        return self.out(torch.cat(means, dim=1) if self.pool.startswith("spatial") else h)


class DdpmResidual(nn.Module):
    def __init__(self, inputs, outputs, emb):
        super().__init__()
        self.norm1 = nn.GroupNorm(32, inputs, eps=1e-6)
        self.conv1 = nn.Conv2d(inputs, outputs, 3, padding=1)
        self.temb_proj = nn.Linear(emb, outputs)
        self.norm2 = nn.GroupNorm(32, outputs, eps=1e-6)
        self.conv2 = nn.Conv2d(outputs, outputs, 3, padding=1)
        if inputs != outputs:
            self.nin_shortcut = nn.Conv2d(inputs, outputs, 1)

    def forward(self, x, emb):
        h = self.conv1(F.silu(self.norm1(x))) + self.temb_proj(F.silu(emb))[:, :, None, None]
        h = self.conv2(F.silu(self.norm2(h)))
        return (self.nin_shortcut(x) if hasattr(self, "nin_shortcut") else x) + h


class DdpmAttention(nn.Module):
    def __init__(self, channels):
        super().__init__()
        self.norm = nn.GroupNorm(32, channels, eps=1e-6)
        self.q, self.k, self.v, self.proj_out = (nn.Conv2d(channels, channels, 1) for _ in range(4))

    def forward(self, x):
        h = self.norm(x)
        q, k, v = (layer(h).flatten(2).transpose(1, 2) for layer in (self.q, self.k, self.v))
        return x + self.proj_out(attend(q, k, v).transpose(1, 2).reshape(x.shape))


class Resample(nn.Module):
    def __init__(self, channels, convolve, double):
        super().__init__()
        self.double = double
        if convolve:
            self.conv = nn.Conv2d(channels, channels, 3, **({"padding": 1} if double else {"stride": 2}))

    def forward(self, x):
        if self.double:
            x = F.interpolate(x, scale_factor=2, mode="nearest")
            return self.conv(x) if hasattr(self, "conv") else x
        return self.conv(F.pad(x, (0, 1, 0, 1))) if hasattr(self, "conv") else F.avg_pool2d(x, 2)


class Model(nn.Module):
    def __init__(self, ch, out_ch, ch_mult, num_res_blocks, attn_resolutions, in_channels, resolution,
                 resamp_with_conv=True):
        super().__init__()
        self.width, emb, self.attended = ch, 4 * ch, set()
        self.temb = nn.Module()
        self.temb.dense = nn.ModuleList([nn.Linear(ch, emb), nn.Linear(emb, emb)])
        self.conv_in = nn.Conv2d(in_channels, ch, 3, padding=1)
        channels, kept = ch, [ch]

        def level_of(inputs, outputs, size):
            level = nn.Module()
            level.block = nn.ModuleList(DdpmResidual(i, outputs, emb) for i in inputs)
            level.attn = nn.ModuleList(DdpmAttention(outputs) for _ in inputs if size in attn_resolutions)
            return level

        self.down, sizes = nn.ModuleList(), [resolution // 2**level for level in range(len(ch_mult))]
        for k, (multiple, size) in enumerate(zip(ch_mult, sizes)):
            outputs = multiple * ch
            level = level_of([channels] + [outputs] * (num_res_blocks - 1), outputs, size)
            channels = outputs
            kept += [channels] * num_res_blocks
            if k < len(ch_mult) - 1:
                level.downsample = Resample(channels, resamp_with_conv, False)
                kept.append(channels)
            self.down.append(level)
        self.mid = nn.Module()
        self.mid.block_1 = DdpmResidual(channels, channels, emb)
        self.mid.attn_1 = DdpmAttention(channels)
        self.mid.block_2 = DdpmResidual(channels, channels, emb)
        up = []
        for k in reversed(range(len(ch_mult))):
            outputs, inputs = ch_mult[k] * ch, []
            for _ in range(num_res_blocks + 1):
                inputs.append(channels + kept.pop())
                channels = outputs
            level = level_of(inputs, outputs, sizes[k])
            if k > 0:
                level.upsample = Resample(channels, resamp_with_conv, True)
            up.insert(0, level)
        self.up = nn.ModuleList(up)
        self.norm_out = nn.GroupNorm(32, channels, eps=1e-6)
        self.conv_out = nn.Conv2d(channels, out_ch, 3, padding=1)

    def forward(self, x, t, record):
        rows = record("emb.sinusoid", sinusoids(t, self.width, (torch.sin, torch.cos), lambda half: half - 1))
        emb = record("emb", self.temb.dense[1](F.silu(self.temb.dense[0](rows))))
        h = self.conv_in(x)
        kept = [h]
        for k, level in enumerate(self.down):
            for i, block in enumerate(level.block):
                h = block(h, emb)
                h = level.attn[i](h) if len(level.attn) else h
                kept.append(h)
            if hasattr(level, "downsample"):
                h = record(f"act.down.{k}.downsample", level.downsample(h))
                kept.append(h)
        h = record("act.mid.attn_1", self.mid.attn_1(self.mid.block_1(h, emb)))
        h = self.mid.block_2(h, emb)
        for k, level in reversed(list(enumerate(self.up))):
            for i, block in enumerate(level.block):
                h = block(torch.cat([h, kept.pop()], dim=1), emb)
                h = level.attn[i](h) if len(level.attn) else h
            if hasattr(level, "upsample"):
                h = record(f"act.up.{k}.upsample", level.upsample(h))
        return self.conv_out(F.silu(self.norm_out(h)))


CLASSIFIER = {"image_size": 8, "in_channels": 3, "model_channels": 32, "out_channels": 7, "num_res_blocks": 1,
              "attention_resolutions": [2], "channel_mult": [1, 2]}
DDPM = {"ch": 32, "out_ch": 3, "ch_mult": [1, 2], "num_res_blocks": 1, "attn_resolutions": [4], "in_channels": 3,
        "resolution": 8}

# name: class, keywords, height and width of the image
CASES = {
    "classifier-adaptive": (EncoderUNetModel, {**CLASSIFIER, "num_heads": 2}, (12, 8)),
    "classifier-attention": (EncoderUNetModel, {
        **CLASSIFIER, "pool": "attention", "num_head_channels": 32, "use_scale_shift_norm": True,
        "resblock_updown": True, "attention_resolutions": [1, 2]}, (8, 8)),
    "classifier-spatial": (EncoderUNetModel, {
        **CLASSIFIER, "pool": "spatial", "conv_resample": False, "num_heads": 4, "use_new_attention_order": True}, (4, 6)),
    "classifier-spatial-v2": (EncoderUNetModel, {
        **CLASSIFIER, "pool": "spatial_v2", "use_scale_shift_norm": True, "resblock_updown": True}, (8, 8)),
    "ddpm-pooled": (Model, {**DDPM, "resamp_with_conv": False}, (8, 8)),
    "ddpm-three-levels": (Model, {
        **DDPM, "ch_mult": [1, 2, 2], "num_res_blocks": 2, "attn_resolutions": [16, 8], "out_ch": 6, "resolution": 16,
        "in_channels": 1}, (16, 16)),
    # Odd sides, which three ways of halving round down or up.
    "classifier-odd-residual": (EncoderUNetModel, {
        **CLASSIFIER, "channel_mult": [1, 2, 2], "resblock_updown": True, "use_scale_shift_norm": True}, (7, 11)),
    "classifier-odd-convolved": (EncoderUNetModel, {**CLASSIFIER, "channel_mult": [1, 2, 2]}, (7, 9)),
    "classifier-odd-pooled": (EncoderUNetModel, {
        **CLASSIFIER, "channel_mult": [1, 2, 2], "conv_resample": False, "pool": "spatial"}, (6, 7)),
}


def write_safetensors(path, tensors, metadata):
    header, data = {"__metadata__": metadata}, b""
    for name, tensor in tensors.items():
        piece = tensor.detach().numpy().astype("<f4").tobytes()
        header[name] = {"dtype": "F32", "shape": list(tensor.shape), "data_offsets": [len(data), len(data) + len(piece)]}
        data += piece
    text = json.dumps(header).encode()
    text += b" " * (-len(text) % 8)
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def main():
    torch.set_default_dtype(torch.float64)
    for index, (name, (build, keywords, size)) in enumerate(CASES.items()):
        with torch.no_grad():
            model = build(**keywords)
            draw_parameters(model)
            channels = keywords["in_channels"]
            x = torch.from_numpy(drawn(2 * channels * size[0] * size[1], index)).double().reshape(2, channels, *size)
            t = torch.tensor([3.0, 812.5])
            tensors = {"input.x": x, "input.t": t}

            def record(quantity, value):
                # Sample 0 and every 16th channel are enough of an activation.
                tensors[quantity] = value[:1, ::16].contiguous() if quantity.startswith("act.") else value
                return value

            tensors["output"] = model(x, t, record)
        write_safetensors(HERE / f"{name}.safetensors", tensors, {
            "kind": "unet-ddpm" if build is Model else "unet-guided-classifier",
            "class": build.__name__,
            "constructor": json.dumps(keywords),
            "seed": str(SEED),
            "act_select": json.dumps({"sample": 0, "channel_stride": 16}),
            "torch": torch.__version__,
        })
        spread = tensors["output"].std().item()
        print(f"{name}: {sum(p.numel() for p in model.parameters())} parameters, output deviation {spread:.3f}")


if __name__ == "__main__":
    main()
