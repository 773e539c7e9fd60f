"""Writes the PyTorch files of this folder, and expected.safetensors with the same tensors made contiguous.

Needed only to write them again; PyTorch 1.13 wrote those that are here: python3 write_files.py
"""

import collections
import json
import pathlib
import struct

import torch

HERE = pathlib.Path(__file__).parent
NAMES = {
    torch.float64: "F64",
    torch.float32: "F32",
    torch.float16: "F16",
    torch.bfloat16: "BF16",
    torch.int64: "I64",
    torch.int32: "I32",
    torch.int16: "I16",
    torch.int8: "I8",
    torch.uint8: "U8",
    torch.bool: "BOOL",
}


def ramp(dtype, *shape):
    """Distinct values that survive a conversion to any type."""
    count = int(torch.tensor(shape).prod())
    values = (torch.arange(count) * 7) % 127
    if dtype == torch.bool:
        return (values % 3 == 0).reshape(shape)
    values = values.to(dtype)
    return (values / 8 - 5 if dtype.is_floating_point else values).to(dtype).reshape(shape)


def all_kinds():
    """Every type, contiguous and not, and every way in which tensors share a storage."""
    tensors = collections.OrderedDict()
    for dtype, name in NAMES.items():
        tensors[f"plain.{name}"] = ramp(dtype, 2, 3)
        tensors[f"transposed.{name}"] = ramp(dtype, 3, 4, 5).permute(2, 0, 1)
    block = ramp(torch.float32, 6, 4)
    tensors["shared.rows"] = block[1:3]
    tensors["shared.overlapping"] = block[2:5]
    tensors["shared.column"] = block[:, 2]
    tensors["shared.every_other"] = block[::2, 1::2]
    tensors["shared.whole"] = block
    tensors["shared.diagonal"] = torch.diagonal(block)
    tensors["tied"] = tensors["plain.F32"]
    tensors["channels_last"] = ramp(torch.float32, 4, 3, 3, 2).to(memory_format=torch.channels_last)
    tensors["expanded"] = ramp(torch.float32, 3, 1).expand(3, 4)
    tensors["one_in_the_middle"] = ramp(torch.float16, 4, 6).t().unsqueeze(1)
    tensors["single"] = torch.tensor(2.5)
    tensors["counter"] = torch.tensor(1234567890123)
    tensors["empty"] = torch.empty(0, 4, dtype=torch.float16)
    tensors["parameter"] = torch.nn.Parameter(ramp(torch.float32, 2, 2))
    tensors["bits"] = torch.tensor([0x7F800001, 0x7FC12345, 1, 0x80000000 - 2**32], dtype=torch.int32).view(torch.float32)
    return tensors


def write_safetensors(path, tensors):
    header, data = {}, b""
    for name, tensor in tensors.items():
        stored = tensor.detach().contiguous().clone().reshape(-1).view(torch.uint8) if tensor.numel() else None
        raw = stored.numpy().tobytes() if stored is not None else b""
        header[name] = {
            "dtype": NAMES[tensor.dtype],
            "shape": list(tensor.shape),
            "data_offsets": [len(data), len(data) + len(raw)],
        }
        data += raw
    text = json.dumps(header, separators=(",", ":")).encode()
    path.write_bytes(struct.pack("<Q", len(text)) + text + data)


def training_state():
    """A small network after two steps of Adam with a schedule, as training scripts save them."""
    torch.manual_seed(1)
    network = torch.nn.Sequential(torch.nn.Conv2d(2, 3, 3), torch.nn.BatchNorm2d(3))
    optimizer = torch.optim.Adam(network.parameters())
    schedule = torch.optim.lr_scheduler.MultiStepLR(optimizer, [2, 5, 5])
    for _ in range(2):
        optimizer.zero_grad()
        network(torch.ones(1, 2, 4, 4)).square().sum().backward()
        optimizer.step()
        schedule.step()
    return network, optimizer, schedule


def main():
    tensors = all_kinds()
    write_safetensors(HERE / "expected.safetensors", tensors)
    torch.save(tensors, HERE / "all_kinds.pt")
    torch.save(tensors, HERE / "all_kinds_legacy.pt", _use_new_zipfile_serialization=False)

    network, optimizer, schedule = training_state()
    write_safetensors(HERE / "network.safetensors", network.state_dict())
    torch.save(
        {
            "epoch": 3,
            "global_step": 2**40,
            "version": "1.9",
            "state_dict": network.state_dict(),
            "optimizer_states": [optimizer.state_dict()],
            "lr_schedulers": [schedule.state_dict()],
            "loss": 0.25,
            "size": torch.Size([4, 4]),
            "precision": torch.float16,
            "device": torch.device("cpu"),
            "finished": None,
            "rng": torch.ByteTensor([1, 2, 3]),
        },
        HERE / "training.ckpt",
    )
    wrapped = torch.nn.DataParallel(network)
    torch.save(
        [wrapped.state_dict(), optimizer.state_dict(), 3, 2],
        HERE / "list_legacy.ckpt",
        _use_new_zipfile_serialization=False,
    )
    torch.save({"model": network.state_dict(), "ema": network.state_dict()}, HERE / "two_dicts.pt")
    torch.save(network, HERE / "whole_model.pt")
    torch.jit.script(network).save(str(HERE / "script.pt"))


if __name__ == "__main__":
    main()
