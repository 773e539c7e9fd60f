"""Tests of the photographs that training reads. No network: packages and resource files are made here.

    /usr/bin/python3 -m unittest photographs_test
"""

import ctypes.util
import io
import json
import os
import struct
import subprocess
import tempfile
import unittest
import unittest.mock
import zlib

import numpy as np
from PIL import Image

import crops
import debian
import photographs
import scenes
from resources import entries


def picture(seed, kind, size=(240, 200)):
    """The bytes of a noisy picture."""
    pixels = np.random.default_rng(seed).integers(0, 256, (size[1], size[0], 3), dtype=np.uint8)
    out = io.BytesIO()
    Image.fromarray(pixels).save(out, kind)
    return out.getvalue()


def resource(files, compressed=()):
    """A resource file of version 3 with a tree of path -> bytes; compressed: path -> (flag, stored bytes)."""
    tree, names, data = [], b"", b""
    nodes = {}
    for path in files:
        at = nodes
        for part in path.split("/")[:-1]:
            at = at.setdefault(part, {})
        at[path.split("/")[-1]] = path
    queue = [("", nodes)]
    for name, node in queue:
        name_at = len(names)
        names += struct.pack(">HI", len(name), 0) + name.encode("utf-16-be")
        if isinstance(node, dict):
            tree.append(struct.pack(">IHIIQ", name_at, 2, len(node), len(queue), 0))
            queue += node.items()
        else:
            flags, stored = dict(compressed).get(node, (0, files[node]))
            tree.append(struct.pack(">IHHHIQ", name_at, flags, 0, 0, len(data), 0))
            data += struct.pack(">I", len(stored)) + stored
    tree = b"".join(tree)
    start = 24
    return b"qres" + struct.pack(">5I", 3, start, start + len(tree), start + len(tree) + len(data), 0) + tree + data + names


def package(debs, name, files, copyright="Files: *\nCopyright: Somebody\nLicense: GPL-2+\n"):
    """Builds NAME_1_all.deb in a folder."""
    with tempfile.TemporaryDirectory() as root:
        files = {**files, f"usr/share/doc/{name}/copyright": copyright.encode(), "DEBIAN/control":
                 f"Package: {name}\nVersion: 1\nArchitecture: all\nMaintainer: N <n@n.org>\nDescription: d\n".encode()}
        for path, data in files.items():
            os.makedirs(os.path.dirname(os.path.join(root, path)), exist_ok=True)
            with open(os.path.join(root, path), "wb") as f:
                f.write(data)
        subprocess.run(["dpkg-deb", "-Znone", "--root-owner-group", "-b", root, os.path.join(debs, f"{name}_1_all.deb")],
                       check=True, capture_output=True)


def credit(author, licence, name):
    return f"Copyright: {author}\nSource: https://example.org/{name}\nLicense: {licence}\nFiles:\n{name}\n\n"


GAMES = "gcompris/src/activities/"
HELD_OUT = {
    "mate-backgrounds": "usr/share/backgrounds/mate/nature/Dune.jpg",
    "plasma-workspace-wallpapers": "usr/share/wallpapers/Path/contents/images/2560x1600.jpg",
    "gcompris-qt-data": "src/activities/explore_monuments/resource/monument.webp",
    "python3-skimage": "usr/lib/python3/dist-packages/skimage/data/chelsea.png",
}


def packages(debs):
    """All packages, each held-out one under a licence that would allow training."""
    free = "Files: *\nCopyright: Somebody\nLicense: CC0-1.0\n"
    for k, (name, path) in enumerate(HELD_OUT.items()):
        if name != "gcompris-qt-data":
            package(debs, name, {path: picture(k, "PNG" if path.endswith("png") else "JPEG")}, free)
    package(debs, "lomiri-wallpapers-16.04", {
        "usr/share/backgrounds/stream.jpg": picture(10, "JPEG"), "usr/share/backgrounds/clock.jpg": picture(11, "JPEG"),
        "usr/share/backgrounds/small.jpg": picture(12, "JPEG", (100, 100)),
        "usr/share/backgrounds/umang_by_Abhishek_Mudgal.jpg": picture(13, "JPEG"),
    }, "Files: 16.04/*\nCopyright: Ann\nLicense: CC-BY-4.0\n\nFiles: 16.04/clock.jpg\nCopyright: Ben\nLicense: CC-BY-SA-4.0\n")
    package(debs, "lomiri-wallpapers-20.04", {"usr/share/backgrounds/bird.jpg": picture(14, "JPEG")})
    animals = GAMES + "explore_world_animals/resource/animals/"
    monuments = GAMES + "explore_monuments/resource/"
    package(debs, "gcompris-qt-data", {
        "usr/share/gcompris-qt/rcc/animals.rcc": resource({
            animals + "README": (credit("Cleo", "Public Domain", "moose.webp") +
                                 credit("Dan", "CC-BY-SA 4.0", "hare.webp")).encode(),
            animals + "moose.webp": picture(20, "WEBP"), animals + "hare.webp": picture(21, "WEBP"),
            animals + "unnamed.webp": picture(22, "WEBP"), animals + "hedgehog.webp": picture(23, "WEBP")}),
        "usr/share/gcompris-qt/rcc/monuments.rcc": resource({
            monuments + "README": credit("Eve", "CC0-1.0", "monument.webp").encode(),
            monuments + "monument.webp": picture(24, "WEBP")}),
    }, "Files: *\nCopyright: Somebody\nLicense: GPL-3+\n\n"
       "Files: src/activities/explore_world_animals/resource/animals/hedgehog.webp\nCopyright: Fay\nLicense: CC-BY-2.0\n")


class Extraction(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.temporary = tempfile.TemporaryDirectory()
        cls.addClassCleanup(cls.temporary.cleanup)
        cls.debs, cls.a, cls.ab, cls.measuring = (
            os.path.join(cls.temporary.name, name) for name in ("debs", "a", "ab", "measuring"))
        os.makedirs(cls.debs)
        packages(cls.debs)
        photographs.training(cls.a, "A", cls.debs)
        photographs.training(cls.ab, "AB", cls.debs)
        photographs.measuring(cls.measuring, cls.debs)

    def facts(self, folder):
        with open(os.path.join(folder, photographs.LIST), encoding="utf-8") as f:
            return {os.path.basename(fact["path"]): fact for fact in json.load(f)}

    def changed(self, folder, name, **changes):
        """Changes the facts of one photograph in the list of a folder until the test ends."""
        path = os.path.join(folder, photographs.LIST)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        facts = json.loads(text)
        next(fact for fact in facts if os.path.basename(fact["path"]) == name).update(changes)

        def write(content):
            with open(path, "w", encoding="utf-8") as f:
                f.write(content)

        write(json.dumps(facts))
        self.addCleanup(write, text)

    def test_group_a_is_free_and_attributed_photographs(self):
        self.assertEqual(set(self.facts(self.a)), {"stream.jpg", "moose.webp", "hedgehog.webp"})

    def test_group_b_adds_share_alike_and_nothing_else(self):
        self.assertEqual(set(self.facts(self.ab)) - set(self.facts(self.a)), {"clock.jpg", "hare.webp"})

    def test_a_readme_beside_a_picture_says_its_licence(self):
        moose = self.facts(self.a)["moose.webp"]
        self.assertEqual((moose["author"], moose["licence"]), ("Cleo", "public-domain"))

    def test_attribution_names_author_licence_and_source(self):
        with open(os.path.join(self.a, "ATTRIBUTION.md"), encoding="utf-8") as f:
            text = f.read()
        self.assertIn("| stream.jpg | Ann | CC-BY-4.0 | lomiri-wallpapers-16.04 1 | training |", text)
        self.assertIn("| [moose.webp](https://example.org/moose.webp) | Cleo | public-domain |", text)

    def test_training_never_extracts_a_held_out_photograph_whatever_its_licence(self):
        for folder in (self.a, self.ab):
            for fact in self.facts(folder).values():
                self.assertNotEqual(fact["path"], HELD_OUT.get(fact["package"]))
        self.assertEqual({(f["package"], f["path"]) for f in self.facts(self.measuring).values()}, set(HELD_OUT.items()))

    def test_training_extracts_none_either_where_its_sources_name_them(self):
        with tempfile.TemporaryDirectory() as folder, unittest.mock.patch.object(
                photographs, "TRAINING", photographs.TRAINING + photographs.HELD_OUT):
            photographs.training(folder, "AB", self.debs)
            self.assertEqual(set(self.facts(folder)), set(self.facts(self.ab)))

    def test_no_source_of_training_names_a_held_out_photograph(self):
        for source in photographs.TRAINING:
            for name, path in HELD_OUT.items():
                self.assertFalse(source.package == name and source.pattern.fullmatch(path), path)

    def test_held_out_photographs_are_known_by_package_and_path(self):
        for name, path in HELD_OUT.items():
            self.assertTrue(photographs.held_out(name, path), name)
        self.assertTrue(photographs.held_out("mate-backgrounds", "anything else"))
        self.assertFalse(photographs.held_out("gcompris-qt-data", "src/activities/erase/resource/bee.webp"))

    def test_training_reads_nothing_from_a_folder_for_measuring(self):
        self.assertEqual(photographs.read(self.measuring, {"training", "validation"}), [])
        with self.assertRaisesRegex(ValueError, "none of its photographs is for training"):
            crops.Crops(self.measuring, "training")

    def test_training_refuses_a_held_out_photograph_that_a_list_calls_its_own(self):
        for path in HELD_OUT.values():
            with self.subTest(path):
                self.changed(self.measuring, os.path.basename(path), use="training")
                with self.assertRaisesRegex(ValueError, "is held out for measuring"):
                    photographs.read(self.measuring, {"training"})
                self.doCleanups()

    def test_training_refuses_a_licence_that_is_for_measuring_only(self):
        self.changed(self.a, "moose.webp", licence="GPL-3+")
        with self.assertRaisesRegex(ValueError, "its licence is GPL-3\\+"):
            photographs.read(self.a, {"training"})

    def test_a_photograph_under_the_name_of_another_is_refused(self):
        self.changed(self.a, "moose.webp", file=self.facts(self.a)["stream.jpg"]["file"])
        with self.assertRaisesRegex(ValueError, "its content is not that of the list"):
            photographs.read(self.a, {"training"})

    def test_validation_photographs_are_no_training_photographs(self):
        used = {use: {fact["file"] for fact, _ in photographs.read(self.a, {use})} for use in ("training", "validation")}
        self.assertEqual({use: len(names) for use, names in used.items()}, {"training": 2, "validation": 1})
        self.assertFalse(used["training"] & used["validation"])

    def test_a_folder_with_files_is_not_written_to(self):
        with self.assertRaisesRegex(SystemExit, "an empty folder is needed"):
            photographs.training(self.a, "A", self.debs)


class Licences(unittest.TestCase):
    def test_groups(self):
        for licence, expected in {"CC0-1.0": "A", "public-domain": "A", "CC-BY-2.0": "A", "CC-BY-SA-3.0": "B", "GPL-3+": "C",
                                  "GFDL-NIV-1.2": None, "CC0-1.0 and CC-BY-3.0": None, "CC-BY-NC-4.0": None}.items():
            self.assertEqual(photographs.group(licence), expected, licence)

    def test_the_last_paragraph_that_matches_counts(self):
        found = debian.paragraphs("Format: x\n\nFiles: *\nCopyright: A\nLicense: GPL-3\n\n"
                                  "Files: a/*\n b/c.jpg\nCopyright: B\n  C\nLicense: CC-BY-3.0\nComment: https://b.org/c by B\n")
        self.assertEqual(debian.covering(found, "z")["licence"], "GPL-3")
        self.assertEqual(debian.covering(found, "b/c.jpg"),
                         dict(author="B / C", licence="CC-BY-3.0", source="https://b.org/c"))
        self.assertIsNone(debian.covering(found[1:], "z"))

    def test_credits_are_read_in_any_order_with_names_on_the_line_or_below(self):
        found = debian.credits("Files: a.webp\nLicense: CC-BY 2.0\nCopyright: A\n\n"
                               "Copyright: B\nLicense: Public domain\nFiles:\nb.webp\nc.webp\nComment: d.webp\n\nCopyright: E\n")
        self.assertEqual({name: fact["licence"] for name, fact in found.items()},
                         {"a.webp": "CC-BY-2.0", "b.webp": "public-domain", "c.webp": "public-domain"})


class Resources(unittest.TestCase):
    def test_files_of_a_tree_with_and_without_compression(self):
        text = b"text " * 30
        frame = b"\x28\xb5\x2f\xfd\x20" + bytes([len(text)]) + struct.pack("<I", len(text) << 3 | 1)[:3] + text
        files = {"a/b/plain.txt": b"plain", "a/zlib.txt": text, "zstd.txt": text}
        stored = {"a/zlib.txt": (1, struct.pack(">I", len(text)) + zlib.compress(text)), "zstd.txt": (4, frame)}
        if ctypes.util.find_library("zstd") is None:
            print("zstd.txt is left out: the library of Zstandard is not there")
            del files["zstd.txt"]
        self.assertEqual(dict(entries(resource(files, stored))), files)

    def test_damage_is_told(self):
        with self.assertRaisesRegex(ValueError, "Not a Qt resource file"):
            list(entries(b"PK\x03\x04" + bytes(40)))
        with self.assertRaisesRegex(ValueError, "4 bytes inside, 9 are announced"):
            list(entries(resource({"a": b""}, {"a": (1, struct.pack(">I", 9) + zlib.compress(b"text"))})))


class Reduction(unittest.TestCase):
    def photograph(self, height, width):
        pixels = np.random.default_rng(height).integers(0, 256, (height, width, 3), dtype=np.uint8)
        return crops.Photograph(Image.fromarray(pixels)), pixels.astype(np.float32)

    def test_a_crop_is_made_of_means_over_squares(self):
        photo, pixels = self.photograph(210, 200)
        self.assertTrue(np.array_equal(photo.crop(1, 0, 0), pixels[:64, :64]))
        means = pixels[210 - 192:, 200 - 192:].reshape(64, 3, 64, 3, 3).mean((1, 3))
        self.assertLess(np.abs(photo.crop(3, 1, 1) - means).max(), 1e-3)

    def test_a_fraction_of_a_pixel_counts_as_such(self):
        first, weights = crops.reduction(0.5, 1.5, 2)
        self.assertEqual(first, 0)
        np.testing.assert_allclose(weights, np.array([[0.5, 1, 0, 0], [0, 0, 1, 0.5]])[:, :weights.shape[1]] / 1.5, atol=1e-6)

    def test_means_of_halvings_are_means_of_the_photograph(self):
        photo, pixels = self.photograph(512, 512)
        means = pixels.reshape(64, 8, 64, 8, 3).mean((1, 3))
        self.assertLess(np.abs(photo.crop(8, 0, 0) - means).max(), 1)

    def test_every_scale_up_to_the_largest_fits_photographs_of_any_side(self):
        rng = np.random.default_rng(3)
        for height, width in rng.integers(64, 420, (40, 2)):
            photo, _ = self.photograph(height, width)
            for scale in (1, photo.side / 64, rng.uniform(1, photo.side / 64)):
                for place in ((0, 0), (1, 1), rng.random(2)):
                    crop = photo.crop(scale, *place)
                    self.assertEqual(crop.shape, (64, 64, 3))
                    self.assertTrue((crop >= 0).all() and (crop <= 255.001).all())

    def test_flat_crops_are_drawn_seldom(self):
        halves = np.zeros((64, 320, 3), np.uint8)  # on the left flat, on the right noise
        halves[:, 160:] = np.random.default_rng(5).integers(0, 256, (64, 160, 3))
        crop = crops.Crops.__new__(crops.Crops)
        crop.photographs = [crops.Photograph(Image.fromarray(halves))]
        crop.sides, crop.weights = np.array([10_000]), np.array([1.0])
        side_by_side = lambda self, scale, x, y: self.levels[0][:, (x > 0.5) * 256:][:, :64].astype(np.float32)
        with unittest.mock.patch.object(crops.Photograph, "crop", side_by_side):
            flat = np.mean([crops.detail(crop.sample(np.random.default_rng(k))) < 2 for k in range(600)])
        self.assertAlmostEqual(flat, 0.3 / 1.3, delta=0.06)


class Shards(unittest.TestCase):
    class Grey:
        """Stands in for crops of photographs: pictures of one grey."""

        def sample(self, rng):
            return np.full((64, 64, 3), 77, np.uint8)

    def photographs(self, *job):
        with unittest.mock.patch.object(crops, "training", self.Grey()):
            return [bool((picture == 77).all()) for picture in crops.shard(job)]

    def test_the_share_of_photographs_is_as_asked_for(self):
        self.assertEqual(self.photographs(1, 0, 5, 1), [True] * 5)
        self.assertEqual(self.photographs(1, 0, 5, 0), [False] * 5)
        self.assertAlmostEqual(np.mean(self.photographs(1, 0, 200, 0.7)), 0.7, delta=0.1)

    def test_a_shard_follows_from_seed_and_number(self):
        self.assertTrue(np.array_equal(crops.shard((1, 2, 3, 0)), crops.shard((1, 2, 3, 0))))
        self.assertFalse(np.array_equal(crops.shard((1, 2, 3, 0)), crops.shard((1, 3, 3, 0))))
        self.assertTrue(np.array_equal(crops.shard((1, 2, 3, 0)), scenes.shard((1, 2, 3))))


if __name__ == "__main__":
    unittest.main()
