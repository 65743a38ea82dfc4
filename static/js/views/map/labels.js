// Where names and badges go on the map: beside what they belong to, and never over a place, a badge or each other. What matters more is
// written first; what finds no room is left out.

import { game } from '../../store.js'
import { rim, size, unit } from './camera.js'
import { around, line, Sheet, widthOf } from './sheet.js'
import { trip } from './targets.js'

const NAME_FONT = '500 12.5px var(--sans)'
const REGION_FONT = '500 15px var(--serif)'

/** How large a place is drawn, in map units for each of its own; small ones where there are many. */
export const spotScale = (u) => u * Math.max(0.5, Math.min(1, 0.85 / u))

const mid = ([ax, ay], [bx, by], at) => [ax + (bx - ax) * at, ay + (by - ay) * at]

/** Finds where everything is written, as a map: for a place `{reach, name, marked}`, `reach` being how far around it a click is meant
 *  for it; for a badge its point; for a region its point and width. `u` is map units in a pixel at the size of normal text; `far` says
 *  that the map is seen from afar; `quests` are the places with work; `fares` are badges on the ways from here. */
export function placeLabels(targets, { u, far, here, quests, fares }) {
  const labels = new Labels(u)
  const places = targets.filter(({ node }) => node)
  const rank = (target) => (target.id === here ? 0 : target.id === game.picked ? 1 : trip(target).offer ? 2 : 3)
  // From afar a place has a name only where the player can go, or has work.
  const named = (target) => !far || rank(target) < 3 || quests.has(target.id)
  for (const target of places) labels.take(target, places, named(target), quests.has(target.id))
  const sorted = places.filter(named).sort((a, b) => rank(a) - rank(b))
  for (const target of sorted) if (rank(target) < 3) labels.name(target, quests.has(target.id))
  for (const fare of fares) labels.fare(fare)
  for (const target of sorted) if (rank(target) === 3) labels.name(target, quests.has(target.id))
  const jumps = new Set(targets.filter(({ node }) => !node).map(({ id }) => id))
  // Regions that can be chosen come first.
  const regions = [...game.map.regions].sort((a, b) => Number(jumps.has(b.id)) - Number(jumps.has(a.id)))
  for (const region of regions) labels.region(region, jumps.has(region.id) ? region.id : `name-${region.id}`)
  return labels.placed
}

class Labels {
  constructor(u) {
    this.per = unit()
    /** Pixels for each pixel of normal text, and for each unit of a place's drawing. */
    this.text = u / this.per
    this.large = spotScale(u) / this.per
    this.sheet = new Sheet(size)
    this.placed = new Map()
    // The tools, and the key to the signs.
    this.sheet.take(size.width - 64 * this.text, 0, 64 * this.text, 220 * this.text)
    this.sheet.take(0, 0, 104 * this.text, 62 * this.text)
  }

  /** A point of the map, on the sheet. */
  pixel([x, y]) {
    return [size.width / 2 + (x - game.camera.x) / this.per, size.height / 2 + (y - game.camera.y) / this.per]
  }

  /** A point of the sheet, on the map. */
  point([x, y]) {
    return {
      x: game.camera.x + (x - size.width / 2) * this.per,
      y: game.camera.y + (y - size.height / 2) * this.per,
    }
  }

  /** Takes the room for a place's drawing, and for the signs beside it. */
  take({ id, node, position }, places, named, quest) {
    const { large, sheet } = this
    const [x, y] = this.pixel(position)
    sheet.take(x - 26 * large, y - 26 * large, 52 * large, 52 * large)
    if (node.has_trade && named) sheet.take(x - 42 * large, y - 9 * large, 18 * large, 17 * large)
    if (node.has_repair && named) sheet.take(x + 20 * large, y - 9 * large, 18 * large, 17 * large)
    if (quest) sheet.take(x - 2 * large, y - 48 * large, 19 * large, 24 * large)
    let near = Infinity
    for (const other of places) {
      const apart = Math.hypot(other.position[0] - position[0], other.position[1] - position[1])
      if (other.id !== id) near = Math.min(near, apart / this.per)
    }
    this.placed.set(id, { reach: Math.min(26, near / 2 / large) })
  }

  /** Writes the name of a place, and allows the signs beside it. */
  name({ id, node, position }, quest) {
    const { large, text } = this
    const [x, y] = this.pixel(position)
    const wide = (widthOf(node.name, NAME_FONT) + 6) * text
    const sides = {
      left: (node.has_trade ? 44 : 28) * large,
      right: (node.has_repair ? 40 : 28) * large,
      top: (quest ? 48 : 28) * large,
      bottom: 28 * large,
    }
    const at = this.sheet.put(around(sides, text), (place) =>
      line({ ...place, x: x + place.x, y: y + place.y }, wide, 13 * text),
    )
    // In units of the place's own drawing, with letters as large as others.
    const name = at && { ...at, x: at.x / large, y: at.y / large, scale: text / large }
    this.placed.set(id, { ...this.placed.get(id), name, marked: true })
  }

  /** Writes a badge on a way: beyond the middle of a long one, where other ways do not begin. */
  fare({ key, from, to, far }) {
    const shares = far ? [0.64, 0.56, 0.72, 0.48, 0.4, 0.8] : [0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68]
    const spots = shares.map((share) => this.pixel(mid(from, to, share)))
    const { text } = this
    const at = this.sheet.put(spots, ([x, y]) => line({ x, y: y + 10 * text, anchor: 'middle' }, 40 * text, 17 * text))
    if (at) this.placed.set(key, this.point(at))
  }

  /** Writes the name of a region around its rim, at its top if there is room. */
  region(region, key) {
    const { text } = this
    const wide = (widthOf(region.name, REGION_FONT) * 1.06 + 10) * text
    const [x, y] = region.position
    const spots = []
    for (const out of [1, 0.8, 1.2, 0.6, 1.45, 0.4, 1.8, 0.2])
      for (const turn of [0, 4, 1, 7, 3, 5, 2, 6]) {
        const [dx, dy] = [Math.sin((turn * Math.PI) / 4), -Math.cos((turn * Math.PI) / 4)]
        spots.push(this.pixel([x + dx * rim(region) * out, y + dy * rim(region) * out]))
      }
    const at = this.sheet.put(spots, (spot) =>
      line({ x: spot[0], y: spot[1] + 4 * text, anchor: 'middle' }, wide, 18 * text),
    )
    if (at) this.placed.set(key, { ...this.point(at), wide: wide / text })
  }
}
