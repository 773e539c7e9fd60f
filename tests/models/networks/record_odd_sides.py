"""Records what PyTorch makes of images of odd sides in the blocks that halve them.

    python3 tests/models/networks/record_odd_sides.py

Needs what `record.py` needs, whose blocks and parameters these are. Everything is computed in float64 and stored in
float32, images as [N, C, H, W]: `<block>.x`, `<block>.emb`, `<block>.y`, and the gradient `<block>.gx` of sum(gy * y).
"""

import json

import record
import torch

EMBEDDING = 16


CASES = {
    "residual": (lambda: record.GuidedResidual(32, 32, EMBEDDING, False, True), (7, 9)),
    "residual_wider": (lambda: record.GuidedResidual(32, 64, EMBEDDING, True, True), (6, 5)),
    "convolved": (lambda: record.Halve(32, True), (7, 9)),
    "pooled": (lambda: record.Halve(32, False), (5, 8)),
    "ddpm_convolved": (lambda: record.Resample(32, True, False), (9, 7)),
    "ddpm_pooled": (lambda: record.Resample(32, False, False), (8, 5)),
}


def main():
    torch.set_default_dtype(torch.float64)
    tensors = {}
    for index, (name, (build, size)) in enumerate(CASES.items()):
        block = build()
        with torch.no_grad():
            record.draw_parameters(block)
        count = 2 * 32 * size[0] * size[1]
        x = torch.from_numpy(record.drawn(count, 100 + index)).double().reshape(2, 32, *size).requires_grad_()
        emb = torch.from_numpy(record.drawn(2 * EMBEDDING, 200 + index)).double().reshape(2, EMBEDDING)
        y = block(x) if isinstance(block, record.Resample) else block(x, emb)
        gy = torch.from_numpy(record.drawn(y.numel(), 300 + index)).double().reshape(y.shape)
        (gx,) = torch.autograd.grad((gy * y).sum(), x)
        for field, value in {"x": x, "emb": emb, "y": y, "gy": gy, "gx": gx}.items():
            tensors[f"{name}.{field}"] = value.contiguous()
        print(f"{name}: {list(x.shape)} -> {list(y.shape)}")
    metadata = {"seed": str(record.SEED), "blocks": json.dumps(list(CASES)), "torch": torch.__version__}
    record.write_safetensors(record.HERE / "odd-sides.safetensors", tensors, metadata)


if __name__ == "__main__":
    main()
