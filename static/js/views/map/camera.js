// What part of the map is shown: it follows the player from region to region until they move it themselves.

import { settings } from '../../settings.js'
import { changed, game, regionById } from '../../store.js'

/** Map units from edge to edge, at the closest and from the farthest. */
const CLOSEST = 120
const FARTHEST = 2200
/** Map units from the middle of the stars, as far as the camera goes. */
const BORDER = 700
/** Pixels at the edges for names, and what lies over the map there. */
export const EDGE = { left: 46, right: 66, top: 66, bottom: 54 }
const NOWHERE = { x: 0, y: 0, span: 760 }

/** Pixels of the map on the page, as `input.js` has seen it last. */
export const size = { width: 700, height: 600 }

/** Map units in a pixel. */
export const unit = () => game.camera.span / Math.min(size.width, size.height)

/** How far a region reaches around its middle. */
export const rim = (region) =>
  Math.max(
    58,
    ...region.nodes.map(
      (node) => Math.hypot(node.position[0] - region.position[0], node.position[1] - region.position[1]) + 30,
    ),
  )
/** The top of a region's rim. */
export const top = (region) => [region.position[0], region.position[1] - rim(region)]

/** The middle of some points, and how far they reach. */
function extent(points) {
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)]
  const [west, east, north, south] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]
  return { x: (west + east) / 2, y: (north + south) / 2, width: east - west, height: south - north }
}

const points = (region) => [region.position, ...region.nodes.map((node) => node.position)]

/** A camera that shows an extent between the edges, no closer than `least` map units. */
function fit({ x, y, width, height }, least) {
  const room = (all, one, other) => Math.max(80, all - one - other)
  const scale = settings.text / 100
  const { left, right, top, bottom } = EDGE
  const per = Math.max(
    width / room(size.width, left * scale, right * scale),
    height / room(size.height, top * scale, bottom * scale),
    least / Math.min(size.width, size.height),
  )
  const span = Math.min(FARTHEST, per * Math.min(size.width, size.height))
  return { x: x + ((right - left) / 2) * scale * per, y: y + ((bottom - top) / 2) * scale * per, span }
}

/** A camera that shows the region where the player is. */
function here() {
  const region = regionById(game.map?.current_region_id)
  return region ? fit(extent(points(region)), 190) : { ...NOWHERE }
}

/** A camera that shows all regions and their names. */
function everything() {
  const { regions } = game.map ?? { regions: [] }
  if (!regions.length) return { ...NOWHERE }
  return fit(extent(regions.flatMap((region) => [...points(region), top(region)])), 400)
}

/** Sets the camera up for the region where the player is. A region that has grown is shown whole again, unless the player has moved
 *  the camera. */
export function follow() {
  const region = regionById(game.map?.current_region_id)
  const name = `${region?.id}`
  const places = region?.nodes.length ?? null
  const grown = !game.moved && game.cameraSize !== places
  if (game.camera && (game.cameraOf === name || !game.map) && !grown) return
  if (game.cameraOf !== name) game.moved = false
  game.cameraSize = places
  game.camera = here()
  game.cameraOf = game.map ? name : null
}

/** The map has another size on the page. */
export function resized(width, height) {
  Object.assign(size, { width, height })
  if (!game.moved && game.camera) game.camera = here()
  changed()
}

/** Moves the camera. A game that was just closed has none, and what was drawn of it stands for a moment yet. */
export function move(change) {
  if (!game.camera) return
  const { x, y, span } = { ...game.camera, ...change }
  const within = (value, least, most) => Math.min(most, Math.max(least, value))
  game.camera = { x: within(x, -BORDER, BORDER), y: within(y, -BORDER, BORDER), span: within(span, CLOSEST, FARTHEST) }
  changed()
}

/** Moves the camera for the player: it stays where they have put it. */
export function look(change) {
  game.moved = true
  move(change)
}

export const zoom = (factor) => look({ span: game.camera?.span * factor })

export const showAll = () => look(everything())

/** Shows the region where the player is, and follows them again. */
export function showHere() {
  game.moved = false
  move(here())
}
