"""Records a deterministic DDIM inversion with the DDPM network of ../../golden/unet-ddpm-a-tiny.safetensors.

    python3 tests/models/networks/record_inversion.py

Three steps at the timesteps 0, 300, 600 and 900 of the linear schedule: x0 = (x - sqrt(1 - abar) eps) / sqrt(abar),
clamped to [-1, 1]; the next state is sqrt(abar') x0 + sqrt(1 - abar') eps. Computed in float64, stored in float32.
"""

import json
import struct

import numpy as np
import torch

from record import HERE, Model, drawn, write_safetensors

WEIGHTS = "../../golden/unet-ddpm-a-tiny.safetensors"
TIMESTEPS = [0, 300, 600, 900]


def read_model(path):
    data = path.read_bytes()
    size = struct.unpack("<Q", data[:8])[0]
    header = json.loads(data[8:8 + size])
    keywords = json.loads(header["__metadata__"]["constructor"])
    del keywords["dropout"]
    model = Model(resolution=keywords.pop("image_size"), **keywords)
    for name, parameter in model.state_dict().items():
        first, end = header[f"model.{name}"]["data_offsets"]
        values = np.frombuffer(data[8 + size + first:8 + size + end], "<f2").astype(np.float64)
        parameter.copy_(torch.from_numpy(values).reshape(parameter.shape))
    return model


def main():
    torch.set_default_dtype(torch.float64)
    abar = torch.cumprod(1 - torch.linspace(1e-4, 0.02, 1000), dim=0)
    with torch.no_grad():
        model = read_model(HERE / WEIGHTS)
        x = torch.from_numpy(drawn(3 * 32 * 32, 9)).double().reshape(1, 3, 32, 32)
        tensors = {"x0": x}
        for step, (t, following) in enumerate(zip(TIMESTEPS, TIMESTEPS[1:])):
            eps = model(x, torch.tensor([float(t)]), lambda _, value: value)
            x0 = ((x - (1 - abar[t]).sqrt() * eps) / abar[t].sqrt()).clamp(-1, 1)
            x = abar[following].sqrt() * x0 + (1 - abar[following]).sqrt() * eps
            tensors[f"x_t.{step}"] = x
    write_safetensors(HERE / "ddpm-inversion.safetensors", tensors, {
        "kind": "trajectory",
        "method": "DDIM inversion (eta 0)",
        "weights_file": WEIGHTS,
        "timesteps_seen_by_network": json.dumps(TIMESTEPS[:-1]),
        "config": json.dumps({"forward_timestep": len(TIMESTEPS), "insert_step": TIMESTEPS[-1] + 1, "clip_denoised": True}),
        "layout": "x0 clean image treated as x at the first timestep; x_t.i after step i",
        "torch": torch.__version__,
    })


if __name__ == "__main__":
    main()
