"""Writes folders of numbered pictures for measuring, 64x64, or to choose a sample from.

    python3 pictures.py generated FOLDER --count 64          # evaluation/studies/held_out: from a seed that no training uses
    python3 pictures.py photographs FOLDER PHOTO...          # of each its middle square, whole and as four quarters
    python3 pictures.py gates FOLDER MEASURING               # for evaluation/studies/photographs.json: 64/, 128/ and 256/
    python3 pictures.py card FOLDER MEASURING TRAINING       # for the card of the weights: eight photographs, 128x128
    python3 pictures.py portraits FOLDER --count 1 --seed 12 # 256x256: what a sample picture is chosen from

MEASURING is a folder of `photographs.py measuring`: photographs that no training sees. TRAINING is one of
`photographs.py training`, of which `card` takes two that are kept apart to validate on.
A quarter is 64x64 of the square made 128x128, so of every photograph five pictures arise: one small, four detailed.
"""

import argparse
import itertools
import os

import numpy as np
from PIL import Image

import crops
import photographs
import scenes

HELD_OUT_SEED = 777
GATE_SEED = 2026
# Photographs whose results may be shown: public domain and CC0, by name.
CARD = ["astronaut", "chelsea", "coffee", "hubble_deep_field", "retina", "rocket", "hedgehog", "kingfisher"]
GATES = {64: 64, 128: 32, 256: 8}  # side -> crops to measure on


def square(photo):
    """The middle square of a photograph."""
    side = min(photo.size)
    left, top = (photo.width - side) // 2, (photo.height - side) // 2
    return photo.crop((left, top, left + side, top + side))


def middle(path):
    whole = square(Image.open(path).convert("RGB"))
    large = whole.resize((128, 128), Image.BOX)
    quarters = [large.crop((x, y, x + 64, y + 64)) for y in (0, 64) for x in (0, 64)]
    return [np.asarray(p) for p in [whole.resize((64, 64), Image.BOX), *quarters]]


def gates(folder, side):
    """Endless crops of the photographs in a folder for measuring, each in turn, reduced by 2 or more and with some detail.

    Without those of scikit-image, on which others publish figures: they can be measured as they are.
    """
    kept = [crops.Photograph(image) for fact, image in photographs.read(folder, {"measuring"})
            if fact["package"] != "python3-skimage"]
    rng = np.random.default_rng([GATE_SEED, side])
    order = [kept[k] for k in rng.permutation(len(kept)) if kept[k].side >= 2 * side]
    for photo in itertools.cycle(order):
        scale = 2 ** rng.uniform(1, np.log2(min(crops.LARGEST, photo.side / side)))
        crop = photo.crop(scale, *rng.random(2), side)
        if crops.detail(crop) >= crops.FLAT:
            yield (np.clip(crop, 0, 255) + 0.5).astype(np.uint8)


def card(measuring, training):
    """The photographs of the card [128, 128, 3], in its order: of each its middle square."""
    found = {}
    for folder, use in ((measuring, "measuring"), (training, "validation")):
        for fact, image in photographs.read(folder, {use}):
            found[os.path.splitext(os.path.basename(fact["path"]))[0]] = image
    missing = [name for name in CARD if name not in found]
    if missing:
        raise SystemExit(f"Cannot write the card's photographs: {measuring} and {training} lack {', '.join(missing)}")
    return [np.asarray(square(found[name]).resize((128, 128), Image.BOX)) for name in CARD]


def portraits(seed, count):
    """Schematic portraits [256, 256, 3], each from a seed of its own."""
    scenes.canvas(512)
    drawn = [scenes.portrait(np.random.default_rng(seed + k)) for k in range(count)]
    return [(np.clip(scenes.down(np.clip(p, 0, 1)), 0, 1) * 255 + 0.5).astype(np.uint8) for p in drawn]


def write(folder, pictures):
    os.makedirs(folder, exist_ok=True)
    for k, picture in enumerate(pictures):
        Image.fromarray(picture).save(os.path.join(folder, f"{k:02}.png"))


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("kind", choices=["generated", "photographs", "gates", "card", "portraits"])
    ap.add_argument("folder")
    ap.add_argument("photos", nargs="*")
    ap.add_argument("--count", type=int, default=64)
    ap.add_argument("--seed", type=int, default=HELD_OUT_SEED)
    a = ap.parse_args()
    if a.kind == "gates":
        if len(a.photos) != 1:
            ap.error("gates needs one folder of photographs")
        for side, count in GATES.items():
            write(os.path.join(a.folder, str(side)), itertools.islice(gates(a.photos[0], side), count))
        return
    if a.kind == "card":
        if len(a.photos) != 2:
            ap.error("card needs two folders of photographs")
        write(a.folder, card(*a.photos))
        return
    write(a.folder, {
        "generated": lambda: scenes.shard((a.seed, 0, a.count)),
        "photographs": lambda: [picture for photo in a.photos for picture in middle(photo)],
        "portraits": lambda: portraits(a.seed, a.count),
    }[a.kind]())


if __name__ == "__main__":
    main()
