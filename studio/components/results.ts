/** What came out, one tile for each picture. */
import { h } from "./element.ts";
import type { VNode } from "preact";
import { useEffect, useRef } from "preact/hooks";
import { canvasOf } from "../picture/draw.ts";
import type { Pixels, Quality, RestoredPicture } from "../protocol.ts";
import type { Layer } from "../state.ts";
import type { Studio } from "../studio.ts";
import { saveFile } from "./files.ts";

/** The results. There must be some. */
export function Results({ studio }: { readonly studio: Studio }): VNode {
  const { notes } = studio.result.value!.restored;
  return h(
    "section",
    { class: "results", "aria-labelledby": "results" },
    h("h2", { id: "results" }, "Results"),
    h("ul", { class: "tiles" }, studio.layers.value.map((layer) => h(Tile, { key: layer.key, studio, layer }))),
    notes.map((note) => h("p", { class: "quiet", key: note }, note)),
  );
}

function Tile({ studio, layer }: { readonly studio: Studio; readonly layer: Layer }): VNode {
  const { key, label, pixels, restored } = layer;
  const isCompared = studio.left.value?.key === key;
  return h(
    "li",
    { class: "tile" },
    h("button", {
      type: "button",
      "aria-label": `Show: ${label}`,
      "aria-pressed": studio.shownKey.value === key,
      onClick: () => void (studio.shownKey.value = key),
    }, h(Thumbnail, { pixels })),
    h("h3", null, label),
    restored?.quality && h("p", { class: "quiet" }, qualityText(restored.quality)),
    restored?.verdict && h("p", { class: restored.isHarm ? "warning" : "quiet" }, restored.verdict),
    h(
      "div",
      { class: "row" },
      restored && h("button", {
        type: "button",
        "aria-label": `Save PNG: ${label}`,
        onClick: () => save(studio, restored),
      }, "Save PNG"),
      h("button", {
        type: "button",
        "aria-label": `Compare: ${label}`,
        "aria-pressed": isCompared,
        onClick: () => void (studio.comparedKey.value = key),
      }, "Compare"),
    ),
  );
}

async function save(studio: Studio, restored: RestoredPicture): Promise<void> {
  const file = await studio.save(restored);
  if (file) saveFile(file.name, file.bytes, "image/png");
}

function Thumbnail({ pixels }: { readonly pixels: Pixels }): VNode {
  const canvas = useRef<HTMLCanvasElement>(null);
  const { width, height } = pixels;
  useEffect(() => canvas.current!.getContext("2d")!.drawImage(canvasOf(pixels), 0, 0), [pixels]);
  return h("canvas", { ref: canvas, width, height, "aria-hidden": "true" });
}

function qualityText({ psnr, ssim }: Quality): string {
  return [psnr === null ? "equal" : `${psnr.toFixed(2)} dB`, ...ssim === null ? [] : [`SSIM ${ssim.toFixed(3)}`]]
    .join(", ");
}
