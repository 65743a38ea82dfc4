// What can be chosen on the map, and the ways there.

import { act } from '../../session.js'
import { all, changed, choosePlace, find, game, nodeById, ui } from '../../store.js'
import { EDGE, move, size, top, unit } from './camera.js'

/** Everything that can be chosen: known places, and regions that a jump leads to. */
export function targets() {
  const jumps = new Set(all('jump').map(({ action: { region } }) => region))
  return (game.map?.regions ?? []).flatMap((region) => [
    ...region.nodes.map((node) => ({ id: node.id, node, region, position: node.position })),
    ...(jumps.has(region.id) || !region.nodes.length ? [{ id: region.id, region, position: top(region) }] : []),
  ])
}

/** The action that leads to a target, offered or refused. */
export const trip = ({ id, node }) => (node ? find('navigate', { node: id }) : find('jump', { region: id }))

/** Chooses a target, and moves the camera where it would not be in sight. */
export function pick(id, focus = false) {
  choosePlace(id)
  const target = targets().find((each) => each.id === id)
  if (target && game.camera) {
    const [x, y] = target.position
    const reachX = (size.width / 2 - EDGE.right) * unit()
    const reachY = (size.height / 2 - EDGE.top) * unit()
    // On a narrow page the card lies over the lower half.
    if (!ui.wide.matches) move({ x, y: y + size.height * unit() * 0.2 })
    else if (Math.abs(x - game.camera.x) > reachX || Math.abs(y - game.camera.y) > reachY) move({ x, y })
  }
  changed()
  if (focus) requestAnimationFrame(() => document.getElementById(`spot-${id}`)?.focus({ preventScroll: true }))
}

/** Travels or jumps to a target. */
export function go(id) {
  const target = targets().find((each) => each.id === id)
  const one = target && trip(target)
  if (one?.offer && !game.busy) act(one.action)
}

/** The first leg of the shortest known way to a place, and how many legs it has. */
export function way(to) {
  if (!game.map) return null
  const came = new Map([[game.map.current_node_id, null]])
  const queue = [game.map.current_node_id]
  while (queue.length) {
    const at = queue.shift()
    if (at === to) break
    for (const next of nodeById(at).node?.connections ?? []) {
      if (!came.has(next) && nodeById(next).node) {
        came.set(next, at)
        queue.push(next)
      }
    }
  }
  if (!came.has(to)) return null
  let legs = 0
  let first = to
  for (let at = to; came.get(at) !== null; at = came.get(at)) {
    legs += 1
    first = at
  }
  return { legs, first }
}
