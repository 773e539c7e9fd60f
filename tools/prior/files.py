"""Weights as safetensors: reading, and writing as float16."""

import json
import os
import struct

import numpy as np
import torch

DTYPES = {"F16": np.float16, "F32": np.float32}


def read_safetensors(path):
    """-> (name -> float32 tensor, metadata)."""
    with open(path, "rb") as f:
        header = json.loads(f.read(struct.unpack("<Q", f.read(8))[0]))
        body = f.read()
    metadata = header.pop("__metadata__", {})
    tensors = {}
    for name, entry in header.items():
        begin, end = entry["data_offsets"]
        values = np.frombuffer(body[begin:end], DTYPES[entry["dtype"]]).astype(np.float32)
        tensors[name] = torch.from_numpy(values).reshape(entry["shape"])
    return tensors, metadata


def write_safetensors(path, tensors, metadata):
    header, offset, blobs = {"__metadata__": metadata}, 0, []
    for name, value in tensors.items():
        data = value.detach().cpu().to(torch.float16).numpy().tobytes()
        header[name] = dict(dtype="F16", shape=list(value.shape), data_offsets=[offset, offset + len(data)])
        offset += len(data)
        blobs.append(data)
    text = json.dumps(header, separators=(",", ":")).encode()
    text += b" " * (-len(text) % 8)
    with open(path + ".tmp", "wb") as f:
        f.write(struct.pack("<Q", len(text)) + text + b"".join(blobs))
    os.replace(path + ".tmp", path)


def config_of(preset, steps):
    """The architecture of a preset as the engine reads it from `config`."""
    return dict(architecture="guided-diffusion", image_size=preset["image_size"], in_channels=3, out_channels=6,
                learn_sigma=True, model_channels=preset["model_channels"], channel_mult=list(preset["channel_mult"]),
                num_res_blocks=preset["num_res_blocks"], attention_resolutions=list(preset["attention_resolutions"]),
                num_head_channels=preset["num_head_channels"], use_scale_shift_norm=True, resblock_updown=True,
                use_new_attention_order=False, noise_schedule="linear", diffusion_steps=steps)
