"""Writes the files of this folder whose names begin with python_: a small network beside objects of Python's library and of
NumPy, in every protocol and both containers, as `torch.save` writes them.

Needed only to write them again; Python 3 with NumPy writes them without PyTorch: python3 write_python.py
"""

import argparse
import collections
import dataclasses
import datetime
import decimal
import enum
import fractions
import functools
import io
import pathlib
import pickle
import random
import struct
import sys
import types
import uuid
import zipfile

import numpy

HERE = pathlib.Path(__file__).parent
MAGIC = 0x1950A86A20F9469CFC6C


def module(name):
    made = types.ModuleType(name)
    sys.modules[name] = made
    return made


torch = module("torch")
torch._utils = module("torch._utils")
training = module("training")


def within(owner, name):
    """Puts a class or a function into another module, where the pickle names it."""

    def put(value):
        value.__module__ = owner.__name__
        value.__name__ = value.__qualname__ = name
        setattr(owner, name, value)
        return value

    return put


@within(torch, "FloatStorage")
class FloatStorage:
    """The numbers of one tensor."""

    count = 0

    def __init__(self, values):
        self.values = values
        self.key = str(FloatStorage.count)
        FloatStorage.count += 1


@within(torch._utils, "_rebuild_tensor_v2")
def rebuild_tensor():
    pass


class Tensor:
    """Pickled as PyTorch does it."""

    def __init__(self, values, shape):
        self.storage = FloatStorage(values)
        self.shape = shape

    def __reduce_ex__(self, protocol):
        stride, step = [], 1
        for size in reversed(self.shape):
            stride.insert(0, step)
            step *= size
        return rebuild_tensor, (self.storage, 0, self.shape, tuple(stride), False, collections.OrderedDict())


class Pickler(pickle._Pickler):
    """Storages are written as references."""

    def __init__(self, file, protocol, legacy):
        super().__init__(file, protocol)
        self.legacy = legacy
        self.storages = {}

    def persistent_id(self, value):
        if not isinstance(value, FloatStorage):
            return None
        self.storages[value.key] = value
        reference = ("storage", FloatStorage, value.key, "cpu", len(value.values))
        return (*reference, None) if self.legacy else reference


@within(training, "Stage")
class Stage(enum.Enum):
    FIRST = 1


@within(training, "Options")
@dataclasses.dataclass
class Options:
    rate: float = 0.5
    names: tuple = ("a", "b")


@within(training, "Config")
class Config(dict):
    """A dict of a class of its own."""


@within(training, "Items")
class Items(list):
    """A list of a class of its own."""


@within(training, "Slots")
class Slots:
    __slots__ = ("value",)


@within(training, "step")
def step():
    pass


@within(training, "Keyed")
class Keyed:
    """Made with arguments by name: NEWOBJ_EX."""

    def __new__(cls, *, name):
        return super().__new__(cls)

    def __getnewargs_ex__(self):
        return (), {"name": "x"}


@within(training, "Adam")
class Adam:
    """An optimizer that was pickled whole."""

    def __init__(self, tensor):
        self.state = collections.defaultdict(dict, {0: {"exp_avg": tensor}})
        self.param_groups = [{"params": [0]}]


def beside(protocol):
    slots = Slots()
    slots.value = 1
    config = Config(rate=1)
    config.note = "attribute"
    items = Items([1, 2])
    objects = {
        "namespace": argparse.Namespace(rate=1e-4, size=64, nested=argparse.Namespace(a=[1])),
        "path": pathlib.PurePosixPath("/runs/1"),
        "set": {1, 2},
        "frozenset": frozenset(["a"]),
        "deque": collections.deque([1, 2], 5),
        "counter": collections.Counter("abb"),
        "defaultdict": collections.defaultdict(list, {"a": [1]}),
        "date": datetime.datetime(2020, 1, 2, tzinfo=datetime.timezone.utc),
        "span": datetime.timedelta(1),
        "enum": Stage.FIRST,
        "options": Options(),
        "config": config,
        "items": items,
        "function": step,
        "partial": functools.partial(step, 1),
        "class": Options,
        "method": "abc".upper,
        "complex": 1 + 2j,
        "decimal": decimal.Decimal("1.5"),
        "fraction": fractions.Fraction(1, 3),
        "uuid": uuid.UUID(int=5),
        "range": range(3),
        "error": ValueError("x"),
        "bytes": b"\x00\xff" * 200,
        "bytearray": bytearray(b"ab"),
        "large": 2**70,
        "huge": -(2**5000),
        "text": "x" * 300,
        "random": random.Random(1).getstate()[1][:9],
        "scalar": numpy.float64(0.5),
        "generator": numpy.random.RandomState(1),
        "array": numpy.arange(6, dtype="<i8"),
        "structured": numpy.zeros(2, dtype=[("a", "<f4")]),
        "objects": numpy.array([None, "x"], dtype=object),
        "strings": numpy.array(["ab", "c"]),
        "big_endian": numpy.arange(3, dtype=">f4"),
        "keys": {Stage.FIRST: 1, frozenset([1]): 2, (1, "a"): 3, None: 4, 1.5: 5, b"k": 6},
        "none": None,
    }
    if protocol >= 2:
        objects["keyed"] = Keyed(name="x")
        objects["slots"] = slots
    objects["self"] = objects
    return objects


def network(first):
    state = collections.OrderedDict()
    state["conv.weight"] = Tensor([first + i for i in range(6)], (2, 3))
    state["conv.bias"] = Tensor([first - 1.0, first - 2.0], (2,))
    state._metadata = collections.OrderedDict(version=1)
    return state


def dumps(value, protocol, legacy=False):
    file = io.BytesIO()
    pickler = Pickler(file, protocol, legacy)
    pickler.dump(value)
    return file.getvalue(), pickler.storages


def data(storage):
    return struct.pack(f"<{len(storage.values)}f", *storage.values)


def save_zip(name, value, protocol):
    FloatStorage.count = 0
    text, storages = dumps(value, protocol)
    with zipfile.ZipFile(HERE / name, "w", zipfile.ZIP_STORED) as archive:
        entries = [("data.pkl", text), *((f"data/{key}", data(value)) for key, value in storages.items())]
        for entry, content in [*entries, ("version", b"3\n")]:
            archive.writestr(zipfile.ZipInfo(f"archive/{entry}"), content)


def save_legacy(name, value, protocol):
    text, storages = dumps(value, protocol, legacy=True)
    system = {"protocol_version": 1001, "little_endian": True, "type_sizes": {"int": 4}}
    with open(HERE / name, "wb") as file:
        for part in (MAGIC, 1001, system):
            pickle.dump(part, file, protocol)
        file.write(text)
        pickle.dump(list(storages), file, protocol)
        for storage in storages.values():
            file.write(struct.pack("<q", len(storage.values)) + data(storage))


def main():
    for protocol in (2, 3, 4, 5):
        save_zip(f"python_{protocol}.pt", {"state_dict": network(0.5), **beside(protocol)}, protocol)
    for protocol in (1, 4):
        save_legacy(f"python_legacy_{protocol}.pt", {"state_dict": network(0.5), **beside(protocol)}, protocol)
    arrays = {
        "conv.weight": numpy.arange(6, dtype="<f4").reshape(2, 3) + numpy.float32(0.5),
        "conv.bias": numpy.array([-0.5, -1.5], dtype="<f2"),
        "fortran": numpy.asfortranarray(numpy.arange(6, dtype="<f8").reshape(2, 3)),
        "single": numpy.array(2.5, dtype="<f4"),
        "empty": numpy.zeros((0, 2), dtype="<f4"),
        "words": numpy.array(["a"]),
    }
    for protocol in (2, 5):
        save_zip(f"python_arrays_{protocol}.pt", {"params": arrays}, protocol)
    whole = Adam(network(9.0)["conv.weight"])
    save_zip("python_optimizer.pt", {"model": network(0.5), "optimizer": whole, "args": argparse.Namespace(a=1)}, 2)


if __name__ == "__main__":
    main()
