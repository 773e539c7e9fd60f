"""Draws the loss curve of a training log as SVG.

    python3 curve.py training.csv ../../models/default/loss.svg

Grey: mean squared error of the noise on training batches. Blue: that of the average of the weights on held-out pictures.
Orange: that on held-out photographs, where the log has it.
"""

import csv
import sys

WIDTH, HEIGHT, LEFT, BOTTOM = 640, 280, 60, 40


def ticks(low, high, step):
    value = -(-low // step) * step
    while value <= high + 1e-9:
        yield value
        value += step


def main(log, out):
    with open(log, newline="") as f:
        rows = [[float(v) for v in row] for row in csv.reader(f)]
    minutes, train, held_out = ([row[k] for row in rows] for k in (2, 4, 5))
    photographs = [(row[2], row[6]) for row in rows if len(row) > 6]
    errors = train + held_out + [v for _, v in photographs]
    low, high = min(errors) * 0.97, max(errors) * 1.02
    first, last = minutes[0], minutes[-1]
    x = lambda v: LEFT + (v - first) / (last - first) * (WIDTH - LEFT - 20)
    y = lambda v: 10 + (high - v) / (high - low) * (HEIGHT - BOTTOM - 10)
    line = lambda times, values, colour: (
        f'<polyline fill="none" stroke="{colour}" stroke-width="1.5" points="' +
        " ".join(f"{x(m):.1f},{y(v):.1f}" for m, v in zip(times, values)) + '"/>')
    label = lambda left, top, anchor, text: f'<text x="{left:.1f}" y="{top:.1f}" text-anchor="{anchor}">{text}</text>'
    parts = [f'<svg xmlns="http://www.w3.org/2000/svg" width="{WIDTH}" height="{HEIGHT}" font-family="sans-serif" '
             'font-size="11" fill="#333">', f'<rect width="{WIDTH}" height="{HEIGHT}" fill="#fff"/>']
    for v in ticks(low, high, 0.001):
        parts.append(f'<path stroke="#ddd" d="M{LEFT} {y(v):.1f}H{WIDTH - 20}"/>' + label(LEFT - 6, y(v) + 4, "end", f"{v:.3f}"))
    for m in ticks(first, last, 5 if last - first < 60 else 30):
        parts.append(label(x(m), HEIGHT - BOTTOM + 16, "middle", f"{m:.0f}"))
    parts += [line(minutes, train, "#aaa"), line(minutes, held_out, "#06c")]
    if photographs:
        parts += [line(*zip(*photographs), "#d70"), label(WIDTH - 24, 38, "end", "orange: held-out photographs")]
    parts += [
        label((LEFT + WIDTH) / 2, HEIGHT - 8, "middle", "minutes on two cores, in all"),
        label(WIDTH - 24, 24, "end", "grey: training batches; blue: held-out pictures, average of the weights"), "</svg>"
    ]
    with open(out, "w") as f:
        f.write("\n".join(parts) + "\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
