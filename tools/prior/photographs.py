"""Photographs with clean licences out of Debian packages, for training and for measuring.

    python3 photographs.py training FOLDER --groups A   # what training may see, and ATTRIBUTION.md
    python3 photographs.py measuring FOLDER             # what no training sees: pictures.py cuts gates out of these
    python3 photographs.py sheet SHEET.png FOLDER       # the photographs of a folder, to look at

Packages are downloaded with `apt-get download` and unpacked with `dpkg -x`; nothing is installed. `--debs` names the
folder that keeps them. The licence of a picture is that of the README beside it, or else of the package's `copyright`:

    A  CC0, public domain, CC-BY   training
    B  CC-BY-SA                    training where it is asked for; the weights are then under CC-BY-SA-4.0
    C  GPL                         measuring only
"""

import argparse
import hashlib
import io
import json
import os
import re
import tempfile

from PIL import Image, ImageDraw

import debian
from resources import entries

LEAST = 40_000  # pixels
LIST = "photographs.json"
ACTIVITIES = "src/activities/"
RESOURCES = "usr/share/gcompris-qt/rcc/"


class Source:
    """Photographs of one package: files whose whole path matches, and what the `copyright` file calls them."""

    def __init__(self, package, pattern, source=lambda path: path):
        self.package, self.pattern, self.source = package, re.compile(pattern), source


def lomiri(release):
    return Source(f"lomiri-wallpapers-{release}", r"usr/share/backgrounds/[^/]+\.jpg",
                  lambda path: f"{release}/{os.path.basename(path)}")


# Of the games, those whose photographs have a README with their licences. Left out: `monuments` of `categorization`,
# which show what the held-out monuments show, and `details`, altered copies of photographs under other licences.
TRAINING = [
    lomiri("16.04"),
    lomiri("20.04"),
    Source("gcompris-qt-data", ACTIVITIES + "(categorization/resource/images/(fishes|others|renewable|tools)|"
           r"explore_(world|farm)_animals/resource/animals|explore_world_music/resource/music|erase/resource)/[^/]+\.webp"),
]
PLASMA = "BytheWater|ColdRipple|ColorfulCups|DarkestHour|EveningGlow|FallenLeaf|Grey|Kite|OneStandsOut|Path|summer_1am"
SKIMAGE = "astronaut|coffee|chelsea|rocket|hubble_deep_field|retina|motorcycle_left|motorcycle_right|ihc"
HELD_OUT = [
    Source("mate-backgrounds", r"usr/share/backgrounds/mate/nature/.+\.jpg",
           lambda path: "nature/" + os.path.basename(path)),
    Source("plasma-workspace-wallpapers", rf"usr/share/wallpapers/({PLASMA})/contents/images/2560x1600\.jpg"),
    Source("gcompris-qt-data", ACTIVITIES + r"explore_monuments/resource/.+\.webp"),
    Source("python3-skimage", rf"usr/lib/python3/dist-packages/skimage/data/({SKIMAGE})\.(png|jpg)"),
]
# Found by eye: drawings and patterns.
DRAWN = {"analogpattern_by_Peter_Nerlich", "umang_by_Abhishek_Mudgal", "Fossa_by_Jasper_Roks", "Infinite-Sea_by_Aury88",
         "Painting-Colors_by__herobrine7gamer"}
# Photographs of group A that training leaves out, to validate on.
VALIDATION = {"friends_by_Aitzol_Berasategi", "hedgehog", "owl", "kingfisher", "dam4", "fish26", "windmill12", "bucket"}


def group(licence):
    """A, B, C, or None for a licence that no use here has been thought about."""
    rules = {"A": r"CC0-1\.0|public-domain|CC-BY-\d\.\d", "B": r"CC-BY-SA-\d\.\d", "C": r"GPL-\d\+?"}
    return next((g for g, rule in rules.items() if re.fullmatch(rule, licence)), None)


def held_out(package, path):
    """Whether the package or the part of it is one that training must not read."""
    whole = {s.package for s in HELD_OUT} - {s.package for s in TRAINING}
    return package in whole or any(s.package == package and s.pattern.fullmatch(path) for s in HELD_OUT)


def files(root):
    """-> (path, bytes) of the pictures of an unpacked package, and of all that is in its resource files."""
    for folder, _, names in sorted(os.walk(root)):
        for name in sorted(names):
            at = os.path.join(folder, name)
            if os.path.islink(at):
                continue
            path = os.path.relpath(at, root)
            if not path.endswith((".rcc", ".jpg", ".png", ".webp")):
                continue
            with open(at, "rb") as f:
                data = f.read()
            if path.startswith(RESOURCES) and path.endswith(".rcc"):
                yield from ((p[p.find("src/"):], blob) for p, blob in entries(data))
            else:
                yield path, data


def photographs(source, debs):
    """-> (facts, bytes) of every photograph of a source."""
    deb = debian.fetch(source.package, debs)
    with tempfile.TemporaryDirectory() as root:
        debian.unpack(deb, root)
        with open(os.path.join(root, "usr/share/doc", source.package, "copyright"), encoding="utf-8") as f:
            found = debian.paragraphs(f.read())
        everything = dict(files(root))
    named = {}
    for path, data in everything.items():
        name = os.path.splitext(os.path.basename(path))[0]
        if not source.pattern.fullmatch(path) or name in DRAWN:
            continue
        folder = os.path.dirname(path)
        if folder not in named:
            named[folder] = debian.credits(everything.get(folder + "/README", b"").decode())
        # A README beside a picture speaks of this very file; the `copyright` file may speak of an older one.
        facts = named[folder].get(os.path.basename(path)) or debian.covering(found, source.source(path))
        width, height = Image.open(io.BytesIO(data)).size
        if width * height >= LEAST and facts:
            yield dict(file=f"{source.package}/{path}".replace("/", "_"), package=source.package,
                       version=debian.version(deb), path=path, **facts, group=group(facts["licence"]),
                       use="validation" if name in VALIDATION else "training", width=width, height=height,
                       sha256=hashlib.sha256(data).hexdigest()), data


def extract(sources, folder, debs, wanted):
    """Writes the photographs that are wanted, and the list of them, to an empty folder."""
    os.makedirs(folder, exist_ok=True)
    if os.listdir(folder):
        raise SystemExit(f"Cannot extract photographs to {folder}: it has files, an empty folder is needed")
    facts = []
    for source in sources:
        for fact, data in photographs(source, debs):
            if wanted(fact):
                with open(os.path.join(folder, fact["file"]), "wb") as f:
                    f.write(data)
                facts.append(fact)
    facts.sort(key=lambda fact: fact["file"])
    with open(os.path.join(folder, LIST), "w", encoding="utf-8") as f:
        json.dump(facts, f, indent=1, ensure_ascii=False)
    return facts


def training(folder, groups, debs):
    """What training may see: photographs of groups A and B that are not held out, and their attribution."""
    allowed = lambda fact: fact["group"] in set(groups) and not held_out(fact["package"], fact["path"])
    facts = extract(TRAINING, folder, debs, allowed)
    with open(os.path.join(folder, "ATTRIBUTION.md"), "w", encoding="utf-8") as f:
        f.write(attribution(facts))
    return facts


def measuring(folder, debs):
    """What no training sees."""
    for fact in (facts := extract(HELD_OUT, folder, debs, lambda fact: True)):
        fact["use"] = "measuring"
    with open(os.path.join(folder, LIST), "w", encoding="utf-8") as f:
        json.dump(facts, f, indent=1, ensure_ascii=False)
    return facts


def read(folder, uses):
    """-> (facts, RGB image) of the photographs of a folder that may be used so.

    Only files on the list of the folder, with the content they were extracted with. For training and validation also
    none that is held out, or under another licence than those of groups A and B.
    """
    with open(os.path.join(folder, LIST), encoding="utf-8") as f:
        facts = json.load(f)
    pictures = []
    for fact in facts:
        if fact["use"] not in uses:
            continue
        where = os.path.join(folder, os.path.basename(fact["file"]))
        if fact["use"] != "measuring":
            if held_out(fact["package"], fact["path"]):
                raise ValueError(f"Cannot train on {where}: {fact['package']} {fact['path']} is held out for measuring")
            if group(fact["licence"]) not in ("A", "B"):
                raise ValueError(f"Cannot train on {where}: its licence is {fact['licence']}, "
                                 "CC0, public domain, CC-BY or CC-BY-SA is needed")
        with open(where, "rb") as f:
            data = f.read()
        if hashlib.sha256(data).hexdigest() != fact["sha256"]:
            raise ValueError(f"Cannot use {where}: its content is not that of the list {LIST}")
        pictures.append((fact, Image.open(io.BytesIO(data)).convert("RGB")))
    return pictures


def attribution(facts):
    """The photographs, their authors and licences, as Markdown."""
    lines = ["# Photographs that the weights were trained on", "",
             "None of them is part of this repository. Each was cut, reduced, mirrored and changed in colour and "
             "exposure.", "", "| photograph | author | licence | from | used for |", "| --- | --- | --- | --- | --- |"]
    for fact in facts:
        name = os.path.basename(fact["path"])
        shown = f"[{name}]({fact['source']})" if fact["source"] else name
        lines.append(f"| {shown} | {fact['author']} | {fact['licence']} | {fact['package']} {fact['version']} | "
                     f"{fact['use']} |")
    return "\n".join(lines) + "\n"


def sheet(path, folder, side=160, across=8):
    """A contact sheet with names."""
    pictures = read(folder, {"training", "validation", "measuring"})
    rows = -(-len(pictures) // across)
    out = Image.new("RGB", (across * side, rows * (side + 12)), "white")
    draw = ImageDraw.Draw(out)
    for k, (fact, photo) in enumerate(pictures):
        x, y = k % across * side, k // across * (side + 12)
        photo.thumbnail((side - 4, side - 4))
        out.paste(photo, (x, y))
        draw.text((x, y + side - 2), f"{fact['group']} " + os.path.basename(fact["path"])[:24], "black")
    out.save(path)


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("what", choices=["training", "measuring", "sheet"])
    ap.add_argument("to", help="folder or file to write")
    ap.add_argument("folder", nargs="?", help="sheet: a folder of photographs")
    ap.add_argument("--groups", default="A", help="A, or AB")
    ap.add_argument("--debs", default="debs", help="folder of the packages")
    a = ap.parse_args()
    if a.what in ("training", "measuring"):
        if not set(a.groups) <= {"A", "B"}:
            ap.error(f"--groups is {a.groups}; A, B or AB is needed, C is for measuring only")
        facts = training(a.to, a.groups, a.debs) if a.what == "training" else measuring(a.to, a.debs)
        pixels = sum(f["width"] * f["height"] for f in facts)
        print(f"{len(facts)} photographs, {pixels / 1e6:.1f} megapixels")
    elif a.folder is None:
        ap.error("sheet needs a folder of photographs")
    else:
        sheet(a.to, a.folder)


if __name__ == "__main__":
    main()
