"""Reads Qt resource files (.rcc): a tree of names over one block of data.

All numbers are big-endian. Header: "qres", version, offsets of tree, data and names. An entry of the tree has the
offset of its name, flags, and then either the count and the first of its children, or language and offset of its data;
from version 2 on a time follows. A name is a length in UTF-16 units, a hash and the text; data are a length and bytes.
"""

import ctypes
import ctypes.util
import struct
import zlib

ZLIB, FOLDER, ZSTD = 1, 2, 4


def entries(data):
    """-> (path, bytes) of every file in the bytes of a resource file."""
    if data[:4] != b"qres":
        raise ValueError(f"Not a Qt resource file: begins with {data[:4]!r}, b'qres' is needed")
    version, tree, body, names = struct.unpack_from(">4I", data, 4)
    size = 22 if version >= 2 else 14

    def walk(number, prefix):
        name_at, flags = struct.unpack_from(">IH", data, tree + number * size)
        path = prefix
        if number:  # the root has no name
            length, = struct.unpack_from(">H", data, names + name_at)
            path += "/" + data[names + name_at + 6:names + name_at + 6 + 2 * length].decode("utf-16-be")
        if flags & FOLDER:
            count, first = struct.unpack_from(">2I", data, tree + number * size + 6)
            for child in range(first, first + count):
                yield from walk(child, path)
        else:
            at = body + struct.unpack_from(">I", data, tree + number * size + 10)[0]
            length, = struct.unpack_from(">I", data, at)
            yield path.lstrip("/"), plain(data[at + 4:at + 4 + length], flags, path)

    yield from walk(0, "")


def plain(blob, flags, path):
    """The bytes of an entry without its compression."""
    if flags & ZLIB:
        length, = struct.unpack_from(">I", blob)
        text = zlib.decompress(blob[4:])
        if len(text) != length:
            raise ValueError(f"{path}: {len(text)} bytes inside, {length} are announced")
        return text
    return unzstd(blob, path) if flags & ZSTD else blob


def unzstd(blob, path):
    """Zstandard by the system's library: dpkg itself needs it, while Python has no module for it before 3.14."""
    name = ctypes.util.find_library("zstd")
    if name is None:
        raise ValueError(f"{path} is compressed with Zstandard, and its library is not there: install libzstd1")
    lib = ctypes.CDLL(name)
    for function in (lib.ZSTD_getFrameContentSize, lib.ZSTD_decompress):
        function.restype = ctypes.c_ulonglong
    lib.ZSTD_getFrameContentSize.argtypes = [ctypes.c_char_p, ctypes.c_size_t]
    lib.ZSTD_decompress.argtypes = [ctypes.c_char_p, ctypes.c_size_t, ctypes.c_char_p, ctypes.c_size_t]
    length = lib.ZSTD_getFrameContentSize(blob, len(blob))
    if length >= 1 << 40:  # unknown or no frame: the two largest numbers
        raise ValueError(f"{path}: no Zstandard frame of known length")
    out = ctypes.create_string_buffer(max(1, length))
    if lib.ZSTD_decompress(out, length, blob, len(blob)) != length:
        raise ValueError(f"{path}: damaged Zstandard frame")
    return out.raw[:length]
