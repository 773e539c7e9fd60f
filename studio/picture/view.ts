/** Which part of a picture is seen: zoom and centre, and what mouse, fingers and keys make of them. */

/** A width and a height. */
export interface Extent {
  /** Columns, or CSS pixels of a box. */
  readonly width: number;
  /** Rows, or CSS pixels of a box. */
  readonly height: number;
}

/** A position in a box, CSS pixels from its upper left corner, or in a picture, pixels from its upper left corner. */
export interface Point {
  /** To the right. */
  readonly x: number;
  /** Down. */
  readonly y: number;
}

/** What is seen of a picture. */
export interface View {
  /** Enlargement over the picture fitted into its box, 1 to `MOST_ZOOM`. */
  readonly zoom: number;
  /** The point of the picture in the middle of the box, as parts of the picture's sides, 0 to 1. */
  readonly centre: Point;
}

/** Where a picture lies in its box, in CSS pixels. */
export interface Placement extends Extent {
  /** Distance of its left side from that of the box; negative where it is cut off. */
  readonly left: number;
  /** Distance of its upper side from that of the box. */
  readonly top: number;
}

/** The whole picture. */
export const WHOLE: View = { zoom: 1, centre: { x: 0.5, y: 0.5 } };

/** The greatest zoom. */
export const MOST_ZOOM = 64;

/** Where a picture lies: fitted into the box, enlarged, its centre in the middle of the box. */
export function placement({ zoom, centre }: View, box: Extent, picture: Extent): Placement {
  const scale = zoom * Math.min(box.width / picture.width, box.height / picture.height);
  const [width, height] = [scale * picture.width, scale * picture.height];
  return { left: box.width / 2 - centre.x * width, top: box.height / 2 - centre.y * height, width, height };
}

/** The point of the picture, in its pixels, at a point of the box. */
export function pictureAt(view: View, box: Extent, picture: Extent, { x, y }: Point): Point {
  const { left, top, width, height } = placement(view, box, picture);
  return { x: (x - left) / width * picture.width, y: (y - top) / height * picture.height };
}

/** The view moved along with the pointer by (dx, dy) CSS pixels. */
export function panned(view: View, box: Extent, picture: Extent, { x, y }: Point): View {
  const { width, height } = placement(view, box, picture);
  return within({ ...view, centre: { x: view.centre.x - x / width, y: view.centre.y - y / height } }, box, picture);
}

/** The view zoomed by a factor; what lies at the point `at` of the box stays there as far as the borders let it. */
export function zoomed(view: View, box: Extent, picture: Extent, factor: number, at: Point): View {
  const zoom = Math.min(MOST_ZOOM, Math.max(1, view.zoom * factor));
  const from = placement(view, box, picture);
  const [u, v] = [(at.x - from.left) / from.width, (at.y - from.top) / from.height];
  const grown = zoom / view.zoom;
  const centre = {
    x: u - (at.x - box.width / 2) / (from.width * grown),
    y: v - (at.y - box.height / 2) / (from.height * grown),
  };
  return within({ zoom, centre }, box, picture);
}

/** The view with its centre moved so that no room stays empty which the picture could fill. */
function within(view: View, box: Extent, picture: Extent): View {
  const { width, height } = placement(view, box, picture);
  return {
    ...view,
    centre: { x: bounded(view.centre.x, box.width / width), y: bounded(view.centre.y, box.height / height) },
  };
}

/** A centre along one side, of which the part `seen` is in the box. */
function bounded(centre: number, seen: number): number {
  return seen >= 1 ? 0.5 : Math.min(1 - seen / 2, Math.max(seen / 2, centre));
}
