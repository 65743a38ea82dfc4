// Hands on the map: fingers and mice drag and zoom it, arrow keys walk from place to place.

import { game } from '../../store.js'
import { look, resized, size, unit, zoom } from './camera.js'
import { pick, targets } from './targets.js'

/** How it stood when a finger came down: `{moved, x, y, span, from, apart}`. */
let grip = null
/** Where each finger is on the page, by pointer. */
const fingers = new Map()
let observer

/** Whether the click that is heard now ends a drag. */
export const dragged = () => Boolean(grip?.moved)

/** Hears what is done to the map's element. */
export const hand = {
  ref: watchSize,
  onpointerdown: grab,
  onpointermove: drag,
  onpointerup: release,
  onpointercancel: release,
  onwheel: wheel,
}

function watchSize(el) {
  observer?.disconnect()
  observer = new ResizeObserver(([{ contentRect }]) => {
    const { width, height } = contentRect
    if (width >= 1 && (width !== size.width || height !== size.height)) resized(width, height)
  })
  observer.observe(el)
}

function grab(event) {
  if (event.button || !game.camera) return
  // A new first finger is alone: the end of another one was not heard.
  if (event.isPrimary) fingers.clear()
  fingers.set(event.pointerId, [event.clientX, event.clientY])
  grip = { ...game.camera, moved: false, from: [event.clientX, event.clientY], apart: apart() }
}

/** Pixels between two fingers; 0 for one. */
function apart() {
  const [one, two] = [...fingers.values()]
  return two ? Math.hypot(one[0] - two[0], one[1] - two[1]) : 0
}

function drag(event) {
  if (!fingers.has(event.pointerId) || !grip || !game.camera) return
  // The finger was lifted outside the page.
  if (!event.buttons) return release(event)
  fingers.set(event.pointerId, [event.clientX, event.clientY])
  if (fingers.size === 2 && grip.apart) {
    grip.moved = true
    return look({ span: (grip.span * grip.apart) / Math.max(20, apart()) })
  }
  const [dx, dy] = [event.clientX - grip.from[0], event.clientY - grip.from[1]]
  if (!grip.moved && Math.hypot(dx, dy) < 6) return
  if (!grip.moved) event.currentTarget.setPointerCapture(event.pointerId)
  grip.moved = true
  look({ x: grip.x - dx * unit(), y: grip.y - dy * unit() })
}

function release(event) {
  fingers.delete(event.pointerId)
  // The click that follows must still know that this was a drag.
  const mine = grip
  setTimeout(() => {
    if (grip === mine) grip = null
  })
}

function wheel(event) {
  event.preventDefault()
  zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.004))
}

const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }

/** Goes to the nearest place in the direction of an arrow key. Answers whether the key was one. */
export function walk(key) {
  if (!ARROWS[key] || !game.map) return false
  const [dx, dy] = ARROWS[key]
  const list = targets()
  const from = list.find(({ id }) => id === game.picked) ?? list.find(({ id }) => id === game.map.current_node_id)
  if (!from) return false
  let best = null
  for (const each of list) {
    if (each === from) continue
    const [x, y] = [each.position[0] - from.position[0], each.position[1] - from.position[1]]
    const along = x * dx + y * dy
    const aside = Math.abs(x * dy) + Math.abs(y * dx)
    if (along <= 0 || aside > along * 2.4) continue
    const score = along + 1.8 * aside
    if (!best || score < best.score) best = { ...each, score }
  }
  if (best) pick(best.id, true)
  return true
}
