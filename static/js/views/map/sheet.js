// A sheet of paper on which nothing lies over anything else.

/** A box on the sheet, in pixels. */
const box = (x, y, width, height) => ({ x, y, width, height })
const overlap = (a, b) => a.x < b.x + b.width && b.x < a.x + a.width && a.y < b.y + b.height && b.y < a.y + a.height

let pen = null
const widths = new Map()
/** How wide a text is, in pixels, at the size of normal text. */
export function widthOf(text, font) {
  const key = `${font} ${text}`
  if (!widths.has(key)) {
    pen ??= document.createElement('canvas').getContext('2d')
    const family = getComputedStyle(document.documentElement)
    pen.font = font.replace(/var\((--[a-z]+)\)/, (_, name) => family.getPropertyValue(name))
    // A voyage has some hundred names; packs may have more.
    if (widths.size > 2000) widths.clear()
    widths.set(key, pen.measureText(text).width)
  }
  return widths.get(key)
}

/** What lies on the sheet so far, in pixels. */
export class Sheet {
  constructor({ width, height }) {
    this.bounds = box(2, 2, width - 4, height - 4)
    this.taken = []
  }

  take(x, y, width, height) {
    this.taken.push(box(x, y, width, height))
  }

  free(one) {
    const { x, y, width, height } = this.bounds
    // A box that is wholly outside need not fit; one that begins inside must not stick out.
    const outside = !overlap(one, this.bounds)
    const inside = one.x >= x && one.y >= y && one.x + one.width <= x + width && one.y + one.height <= y + height
    return (outside || inside) && !this.taken.some((other) => overlap(one, other))
  }

  /** Takes the first free one of some places, and answers with it; null where none is. `of` makes a box of a place. */
  put(places, of) {
    for (const place of places) {
      const one = of(place)
      if (!this.free(one)) continue
      this.taken.push(one)
      return place
    }
    return null
  }
}

/** Where a name may stand around its place, the best first, in pixels from it: a point of its baseline, and which part of the text is
 *  there. The place takes `left`, `right`, `top` and `bottom`; `text` is how large letters are. */
export function around({ left, right, top, bottom }, text) {
  const under = bottom + 14 * text
  const over = -top - 5 * text
  const side = (right + left) / 4
  return [
    { x: 0, y: under, anchor: 'middle' },
    { x: 0, y: over, anchor: 'middle' },
    { x: right + 4 * text, y: 4 * text, anchor: 'start' },
    { x: -left - 4 * text, y: 4 * text, anchor: 'end' },
    { x: side, y: under - 6 * text, anchor: 'start' },
    { x: -side, y: under - 6 * text, anchor: 'end' },
    { x: side, y: over + 4 * text, anchor: 'start' },
    { x: -side, y: over + 4 * text, anchor: 'end' },
    { x: 0, y: under + 16 * text, anchor: 'middle' },
    { x: 0, y: over - 14 * text, anchor: 'middle' },
  ]
}

/** The box of a line of text: its baseline's point, its width, how high its letters are. */
export const line = ({ x, y, anchor }, width, high) =>
  box(anchor === 'middle' ? x - width / 2 : anchor === 'end' ? x - width : x, y - high, width, high * 1.3)
