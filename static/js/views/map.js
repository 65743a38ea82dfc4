// The star map: what is known, what lies where, and what it costs to go there. It can be moved, zoomed and walked by key.

import { place, stars } from '../art.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { action, button, dangerMark } from '../parts.js'
import { act } from '../session.js'
import { settings } from '../settings.js'
import { all, changed, choosePlace, find, game, goalOf, moveCard, nodeById, regionById, ui } from '../store.js'
import { danger, iso, many, nameOf } from '../words.js'
import { around, line, Sheet, widthOf } from './chart.js'

const CLOSEST = 120
const FARTHEST = 2200
/** Pixels at the edges for names, and what lies over the map there. */
const EDGE = { left: 46, right: 66, top: 66, bottom: 54 }
const NAME_FONT = '500 12.5px var(--sans)'
const REGION_FONT = '500 15px var(--serif)'
const size = { width: 700, height: 600 }
const n = (value) => Math.round(value * 10) / 10
let frame = null
let observer

/** Map units in a pixel. */
const unit = () => game.camera.span / Math.min(size.width, size.height)
const tint = (region, which = 'primary_color') => game.content?.regions[region.type]?.background?.[which] ?? '#7d78b8'

const NOWHERE = { x: 0, y: 0, span: 760 }
/** The middle of some regions with their places, and how far they reach. */
function extent(regions) {
  const points = regions.flatMap((region) => [region.position, ...region.nodes.map((node) => node.position)])
  const [xs, ys] = [points.map(([x]) => x), points.map(([, y]) => y)]
  const [left, right, top, bottom] = [Math.min(...xs), Math.max(...xs), Math.min(...ys), Math.max(...ys)]
  return { x: (left + right) / 2, y: (top + bottom) / 2, width: right - left, height: bottom - top }
}

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

function frameRegion(id) {
  const region = regionById(id)
  return region ? fit(extent([region]), 190) : { ...NOWHERE }
}

function frameAll() {
  if (!game.map?.regions.length) return { ...NOWHERE }
  return fit(extent(game.map.regions.map((region) => ({ ...region, nodes: [...region.nodes, top(region)] }))), 400)
}
const top = (region) => ({ position: [region.position[0], region.position[1] - rim(region)] })

function follow() {
  const region = regionById(game.map?.current_region_id)
  const here = `${region?.id}`
  // A region that has grown is shown whole again, unless the player has chosen what to see.
  const places = region?.nodes.length ?? null
  const grown = !game.moved && game.cameraSize !== places
  if (!game.camera || (game.cameraOf !== here && game.map) || grown) {
    if (game.cameraOf !== here) game.moved = false
    game.cameraSize = places
    game.camera = frameRegion(game.map?.current_region_id)
    game.cameraOf = game.map ? here : null
  }
}

function move(change) {
  // A game that was just closed has none, and what was drawn of it stands for a moment yet.
  if (!game.camera) return
  Object.assign(game.camera, change)
  game.camera.span = Math.min(FARTHEST, Math.max(CLOSEST, game.camera.span))
  game.camera.x = Math.min(700, Math.max(-700, game.camera.x))
  game.camera.y = Math.min(700, Math.max(-700, game.camera.y))
  changed()
}
/** The player has chosen what to see: it stays so. */
function look(change) {
  game.moved = true
  move(change)
}
export const zoom = (factor) => look({ span: game.camera?.span * factor })

/** Everything that can be chosen: known places, and regions that a jump leads to. */
function targets() {
  const jumps = new Set(all('jump').map(({ action: { region } }) => region))
  return (game.map?.regions ?? []).flatMap((region) => [
    ...region.nodes.map((node) => ({ id: node.id, node, region, position: node.position })),
    ...(jumps.has(region.id) || !region.nodes.length
      ? [{ id: region.id, region, position: top(region).position }]
      : []),
  ])
}
const rim = (region) =>
  Math.max(
    58,
    ...region.nodes.map(
      (node) => Math.hypot(node.position[0] - region.position[0], node.position[1] - region.position[1]) + 30,
    ),
  )

export function pick(id, focus = false) {
  choosePlace(id)
  const target = targets().find((each) => each.id === id)
  if (target && game.camera && !ui.wide.matches) {
    // The card lies over the lower half.
    const [x, y] = target.position
    move({ x, y: y + size.height * unit() * 0.2 })
  } else if (target && game.camera) {
    const reachX = (size.width / 2 - EDGE.right) * unit()
    const reachY = (size.height / 2 - EDGE.top) * unit()
    const [x, y] = target.position
    if (Math.abs(x - game.camera.x) > reachX || Math.abs(y - game.camera.y) > reachY) move({ x, y })
  }
  changed()
  if (focus) requestAnimationFrame(() => document.getElementById(`spot-${id}`)?.focus({ preventScroll: true }))
}

/** Arrow keys: to the nearest place in that direction. */
export function walk(key) {
  const [dx, dy] = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] }[key] ?? []
  if (dx === undefined || !game.map) return false
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

const trip = (target) => (target.node ? find('navigate', { node: target.id }) : find('jump', { region: target.id }))

export function go(id) {
  const target = targets().find((each) => each.id === id)
  const one = target && trip(target)
  if (one?.offer && !game.busy) act(one.action)
}

/** The first leg of the shortest known way, and how many there are. */
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

export function mapView() {
  if (!game.map || !game.state) return h('div.map-empty', {}, h('p.quiet', {}, 'Unfolding the map\u2026'))
  follow()
  const { camera } = game
  // Signs and names are as large as other text.
  const u = (unit() * settings.text) / 100
  const here = game.map.current_node_id
  const list = targets()
  const focusable = list.some(({ id }) => id === game.picked) ? game.picked : here
  const quests = new Map()
  for (const quest of game.state.active_quests) {
    const to = goalOf(quest)
    if (to) quests.set(to, quest)
  }
  const pieces = { glow: [], lanes: [], routes: [], pills: [], names: [], spots: [] }
  /** What ways from here cost: badges on their lines. */
  const fares = []
  const drawn = new Set()
  for (const region of game.map.regions) {
    for (const to of region.connections) {
      const other = regionById(to)
      const pair = [region.id, to].sort().join()
      if (!other || drawn.has(pair)) continue
      drawn.add(pair)
      const live = region.id === game.map.current_region_id || to === game.map.current_region_id
      pieces.lanes.push(stroke('lane', pair, live, region.position, other.position))
      if (live) {
        const target = region.id === game.map.current_region_id ? other : region
        const from = target === other ? region : other
        const one = find('jump', { region: target.id })
        if (one.offer)
          fares.push({
            key: `pill-${target.id}`,
            offer: one.offer,
            from: from.position,
            to: target.position,
            far: true,
          })
      }
    }
    for (const node of region.nodes) {
      for (const to of node.connections ?? []) {
        const { node: other } = nodeById(to)
        const pair = [node.id, to].sort().join()
        if (!other || drawn.has(pair)) continue
        drawn.add(pair)
        const live = node.id === here || to === here
        pieces.routes.push(stroke('route', pair, live, node.position, other.position))
        if (live) {
          const target = node.id === here ? other : node
          const one = find('navigate', { node: target.id })
          if (one.offer && u < 0.8)
            fares.push({ key: `pill-${pair}`, offer: one.offer, from: node.position, to: other.position })
        }
      }
    }
  }
  for (const region of game.map.regions) {
    const r = rim(region)
    pieces.glow.push(
      h(
        'g',
        { key: `glow-${region.id}`, class: region.id === game.map.current_region_id ? 'region here' : 'region' },
        h(
          'radialGradient',
          { id: `tint-${region.id}` },
          h('stop', { offset: '0', 'stop-color': tint(region), 'stop-opacity': 0.3 }),
          h('stop', { offset: '0.6', 'stop-color': tint(region, 'secondary_color'), 'stop-opacity': 0.09 }),
          h('stop', { offset: '1', 'stop-color': tint(region), 'stop-opacity': 0 }),
        ),
        h('circle', {
          cx: region.position[0],
          cy: region.position[1],
          r: n(r * 1.35),
          fill: `url(#tint-${region.id})`,
        }),
        h('circle', { class: 'rim', cx: region.position[0], cy: region.position[1], r: n(r) }),
        h('circle', { class: 'rim', cx: region.position[0], cy: region.position[1], r: n(r * 0.55) }),
        h('path', { class: 'scale', d: ticks(region.position, r) }),
      ),
    )
  }
  const far = u > 0.8
  const written = write(list, { u, far, here, quests, fares })
  for (const target of list) {
    const drawn = spot(target, { u, here, focusable, quest: quests.get(target.id), ...written.get(target.id) })
    // Places lie over names: a click on a place finds it.
    if (target.node) pieces.spots.push(drawn)
    else pieces.names.push(drawn)
  }
  for (const region of game.map.regions) {
    const at = written.get(`name-${region.id}`)
    if (at)
      pieces.names.push(
        h(
          'g',
          {
            key: `name-${region.id}`,
            class: 'region-name',
            transform: `translate(${n(at.x)} ${n(at.y)}) scale(${u.toFixed(4)})`,
          },
          h('text', {}, region.name),
        ),
      )
  }
  for (const { key, offer } of fares) {
    const at = written.get(key)
    if (at) pieces.pills.push(pill(offer, [at.x, at.y], key, u))
  }
  const picked = list.find(({ id }) => id === game.picked)
  if (picked) requestAnimationFrame(clear)
  const half = camera.span / 2
  return h(
    'div.map',
    { 'data-haven': true, tabindex: -1 },
    h(
      'svg',
      {
        class: 'sky',
        viewBox: `${n(camera.x - half)} ${n(camera.y - half)} ${n(camera.span)} ${n(camera.span)}`,
        role: 'group',
        'aria-label': 'Star map. Arrow keys go from place to place, Enter travels.',
        ref: watchSize,
        onpointerdown: grab,
        onpointermove: drag,
        onpointerup: release,
        onpointercancel: release,
        onwheel: wheel,
        onclick: (event) => !event.target.closest('.spot') && !frame?.moved && game.picked && pick(null),
      },
      field(),
      h('g', { key: 'glow', class: 'glow' }, pieces.glow),
      h('g', { key: 'lanes' }, pieces.lanes),
      h('g', { key: 'routes' }, pieces.routes),
      h('g', { key: 'pills', class: 'pills', 'aria-hidden': 'true' }, pieces.pills),
      h('g', { key: 'names' }, pieces.names),
      h('g', { key: 'spots' }, pieces.spots),
    ),
    h(
      'div.map-tools',
      { role: 'group', 'aria-label': 'The view of the map' },
      button('', () => zoom(0.75), { sign: 'plus', class: 'round', label: 'Zoom in' }),
      button('', () => zoom(1.33), { sign: 'minus', class: 'round', label: 'Zoom out' }),
      button('', () => look(frameAll()), { sign: 'map', class: 'round', label: 'Show all of the map' }),
      button('', home, { sign: 'here', class: 'round', label: 'Show where you are' }),
    ),
    picked ? card(picked, here, quests.get(picked.id)) : null,
    picked && game.corner === 'top left' ? null : legend(),
  )
}

let sky = null
/** The stars behind: drawn once, and left alone. */
function field() {
  if (sky?.id !== game.id)
    sky = { id: game.id, node: h('g', { key: 'stars' }, stars(`${game.id}`, 2600, 2000, 2000, -1000, -1000)) }
  return sky.node
}

const stroke = (kind, pair, live, [x1, y1], [x2, y2]) =>
  h('line', { key: `${kind}-${pair}`, class: live ? `${kind} live` : kind, x1, y1, x2, y2 })
const mid = ([ax, ay], [bx, by], at) => [ax + (bx - ax) * at, ay + (by - ay) * at]

/** Eight strokes from the middle outwards, as on an old chart. */
const ticks = ([x, y], r) =>
  [0, 1, 2, 3, 4, 5, 6, 7]
    .map((ix) => {
      const [dx, dy] = [Math.cos((ix * Math.PI) / 4), Math.sin((ix * Math.PI) / 4)]
      return `M${n(x + dx * r * 0.12)} ${n(y + dy * r * 0.12)}L${n(x + dx * r)} ${n(y + dy * r)}`
    })
    .join('')

function pill(offer, [x, y], key, u) {
  return h(
    'g',
    { key, transform: `translate(${n(x)} ${n(y)}) scale(${u.toFixed(4)})` },
    h('rect', { x: -19, y: -10, width: 38, height: 20, rx: 10 }),
    h('path', { d: 'M-9 -6c2.5 3.5 4 5.4 4 7.8a4 4 0 0 1-8 0C-13-.6-11.5-2.5-9-6z' }),
    h('text', { x: 6, y: 4 }, String(offer.cost.fuel)),
  )
}

/** How large a place is drawn, in map units for each of its own; small ones where there are many. */
const spotScale = (u) => u * Math.max(0.5, Math.min(1, 0.85 / u))

/** Finds where everything is written, in the order of what matters: `{name}` of places, points for the rest, and how far around a
 *  place a click is meant for it. */
function write(list, { u, far, here, quests, fares }) {
  const per = unit()
  const sheet = new Sheet(size)
  const written = new Map()
  const pixel = ([x, y]) => [size.width / 2 + (x - game.camera.x) / per, size.height / 2 + (y - game.camera.y) / per]
  const point = (x, y) => ({
    x: game.camera.x + (x - size.width / 2) * per,
    y: game.camera.y + (y - size.height / 2) * per,
  })
  const large = spotScale(u) / per
  const text = u / per
  // The tools and the key to the signs.
  sheet.take(size.width - 64 * text, 0, 64 * text, 220 * text)
  sheet.take(0, 0, 104 * text, 62 * text)
  const places = list.filter(({ node }) => node)
  const centres = new Map(places.map((target) => [target.id, pixel(target.position)]))
  const weight = ({ id }) => (id === here ? 0 : id === game.picked ? 1 : trip({ id, node: true }).offer ? 2 : 3)
  // From afar only what can be gone for has a name.
  const bare = (target) => far && weight(target) === 3 && !quests.has(target.id)
  for (const target of places) {
    const { id, node } = target
    const [x, y] = centres.get(id)
    sheet.take(x - 26 * large, y - 26 * large, 52 * large, 52 * large)
    if (node.has_trade && !bare(target)) sheet.take(x - 42 * large, y - 9 * large, 18 * large, 17 * large)
    if (node.has_repair && !bare(target)) sheet.take(x + 20 * large, y - 9 * large, 18 * large, 17 * large)
    if (quests.has(id)) sheet.take(x - 2 * large, y - 48 * large, 19 * large, 24 * large)
    let near = Infinity
    for (const [other, [ox, oy]] of centres) if (other !== id) near = Math.min(near, Math.hypot(ox - x, oy - y))
    written.set(id, { reach: Math.min(26, near / 2 / large) })
  }
  const named = places.filter((target) => !bare(target)).sort((a, b) => weight(a) - weight(b))
  const name = (target) => {
    const { id, node } = target
    const [x, y] = centres.get(id)
    const wide = (widthOf(node.name, NAME_FONT) + 6) * text
    const sides = {
      left: (node.has_trade ? 44 : 28) * large,
      right: (node.has_repair ? 40 : 28) * large,
      top: (quests.has(id) ? 48 : 28) * large,
      bottom: 28 * large,
    }
    const at = sheet.put(around(sides, text), (place) =>
      line({ ...place, x: x + place.x, y: y + place.y }, wide, 13 * text),
    )
    // In units of the place's own drawing, with letters as large as others.
    const name = at && { ...at, x: at.x / large, y: at.y / large, scale: text / large }
    written.set(id, { ...written.get(id), name, marked: true })
  }
  named.filter((target) => weight(target) < 3).forEach(name)
  for (const { key, from, to, far: apart } of fares) {
    const at = sheet.put(
      (apart ? [0.64, 0.56, 0.72, 0.48, 0.4, 0.8] : [0.5, 0.44, 0.56, 0.38, 0.62, 0.32, 0.68]).map((share) =>
        pixel(mid(from, to, share)),
      ),
      ([x, y]) => line({ x, y: y + 10 * text, anchor: 'middle' }, 40 * text, 17 * text),
    )
    if (at) written.set(key, point(...at))
  }
  named.filter((target) => weight(target) === 3).forEach(name)
  const reachable = new Set(list.filter(({ node }) => !node).map(({ id }) => id))
  // Those that can be chosen first.
  const regions = [...game.map.regions].sort((a, b) => Number(reachable.has(b.id)) - Number(reachable.has(a.id)))
  for (const region of regions) {
    const wide = (widthOf(region.name, REGION_FONT) * 1.06 + 10) * text
    const spots = []
    for (const out of [1, 0.8, 1.2, 0.6, 1.45, 0.4, 1.8, 0.2])
      for (const turn of [0, 4, 1, 7, 3, 5, 2, 6]) {
        const [dx, dy] = [Math.sin((turn * Math.PI) / 4), -Math.cos((turn * Math.PI) / 4)]
        spots.push(pixel([region.position[0] + dx * rim(region) * out, region.position[1] + dy * rim(region) * out]))
      }
    const at = sheet.put(spots, ([x, y]) => line({ x, y: y + 4 * text, anchor: 'middle' }, wide, 18 * text))
    if (at)
      written.set(reachable.has(region.id) ? region.id : `name-${region.id}`, { ...point(...at), wide: wide / text })
  }
  return written
}

function spot(target, { u, here, focusable, quest, name, marked, reach, x, y, wide }) {
  const { id, node, region, position } = target
  const one = trip(target)
  const live = Boolean(one.offer)
  const current = id === here
  const label = node
    ? `${iso(node.name)}, ${node.charted ? `${nameOf.nodeKind(node.type)}, ${danger(node.danger_level)}` : 'not charted'}${node.has_repair ? ', repair dock' : ''}${node.has_trade ? ', trade dock' : ''}${current ? '. You are here.' : ''}${quest ? '. Work leads here.' : ''}${live ? `. Travel for ${one.offer.cost.fuel} fuel.` : ''}`
    : `Region ${iso(region.name)}, ${nameOf.regionKind(region.type)}, ${danger(region.danger_level)}.${live ? ` Jump for ${one.offer.cost.fuel} fuel.` : ''}`
  const at = node || x === undefined ? position : [x, y]
  const shared = {
    key: `spot-${id}`,
    id: `spot-${id}`,
    role: 'button',
    tabindex: id === focusable ? 0 : -1,
    'aria-label': label,
    'aria-current': current ? 'location' : null,
    'aria-pressed': id === game.picked ? 'true' : 'false',
    transform: `translate(${n(at[0])} ${n(at[1])}) scale(${(node ? spotScale(u) : u).toFixed(4)})`,
    onclick: () => !frame?.moved && (game.picked === id && live ? go(id) : pick(id)),
    onfocus: () => game.picked !== id && pick(id),
    onkeydown: (event) => {
      if (event.key === 'Enter' || event.key === ' ') {
        event.preventDefault()
        if (live) go(id)
        else pick(id)
      }
    },
  }
  const classes = `spot ${live ? 'live' : ''} ${current ? 'current' : ''} ${id === game.picked ? 'picked' : ''}`
  if (!node) {
    const half = Math.max(44, (wide ?? 88) / 2)
    return h(
      'g',
      { ...shared, class: `${classes} region-name` },
      h('rect', { class: 'hit', x: n(-half), y: -27, width: n(2 * half), height: 44 }),
      h('rect', { class: 'halo', x: n(-half - 4), y: -21, width: n(2 * half + 8), height: 34, rx: 17 }),
      // Where there is no room for it, its sign alone stands on its rim.
      x === undefined ? h('circle', { class: 'disc', r: 7 }) : h('text', {}, region.name),
    )
  }
  const level = node.charted ? node.danger_level : 0
  const arc = 2 * Math.PI * 24
  return h(
    'g',
    { ...shared, class: `${classes} ${node.visited ? 'visited' : ''} ${node.charted ? '' : 'uncharted'}` },
    h('circle', { class: 'hit', r: n(reach) }),
    current ? h('circle', { class: 'pulse', r: 24 }) : null,
    h('circle', { class: 'disc', r: 22 }),
    node.charted
      ? h('circle', {
          class: 'danger-arc',
          r: 24,
          'stroke-dasharray': `${n(arc * level)} ${n(arc)}`,
          transform: 'rotate(-90)',
        })
      : null,
    h('circle', { class: 'halo', r: 28 }),
    h(
      'g',
      { class: 'glyph', transform: 'scale(0.44) translate(-50 -50)' },
      node.charted ? place(node.type, node.name) : place('unknown', node.name),
    ),
    name
      ? h(
          'text',
          {
            class: 'spot-name',
            'text-anchor': name.anchor,
            transform: `translate(${n(name.x)} ${n(name.y)}) scale(${name.scale.toFixed(3)})`,
          },
          node.name,
        )
      : null,
    node.has_repair && marked
      ? h('path', {
          class: 'dock-mark',
          transform: 'translate(20 -7) scale(0.6)',
          d: 'M14.5 6.5a4 4 0 0 0-5.2 5L4 16.8a2.2 2.2 0 0 0 3.2 3.2l5.3-5.3a4 4 0 0 0 5-5.2l-2.6 2.6-2.8-.7-.7-2.8z',
        })
      : null,
    node.has_trade && marked
      ? h('path', {
          class: 'dock-mark',
          transform: 'translate(-41 -8) scale(0.6)',
          d: 'M12 4v16M8 20h8M5 7h14M5 7l-3 7h6zM19 7l-3 7h6z',
        })
      : null,
    quest ? h('path', { class: 'flag', transform: 'translate(0 -46)', d: 'M0 22V0l15 5-15 5' }) : null,
  )
}

/** Corners for the card, the usual one first. */
const CORNERS = ['bottom left', 'bottom right', 'top left', 'top right']
/** Moves the card of the chosen place to a corner where it does not lie over it. */
function clear() {
  const card = document.querySelector('.map-card')
  const chosen = document.getElementById(`spot-${game.picked}`)?.querySelector('.halo')
  const map = card?.closest('.map')?.getBoundingClientRect()
  if (!chosen || !map) return
  const spot = chosen.getBoundingClientRect()
  const rem = parseFloat(getComputedStyle(document.documentElement).fontSize)
  const gap = 0.8 * rem
  const height = card.offsetHeight
  const covers = (corner) => {
    const up = corner.startsWith('top')
    const width = Math.min(21 * rem, map.width - (up ? 5.2 : 1.6) * rem)
    const left = corner.endsWith('left') ? map.left + gap : map.right - (up ? 4.4 * rem : gap) - width
    const top = up ? map.top + gap : map.bottom - gap - height
    return spot.left < left + width + 4 && left - 4 < spot.right && spot.top < top + height + 4 && top - 4 < spot.bottom
  }
  if (!covers(game.corner ?? CORNERS[0])) return
  const corner = CORNERS.find((each) => !covers(each))
  if (!corner || corner === game.corner) return
  moveCard(corner)
}

function card(target, here, quest) {
  const { node, region, id } = target
  const one = trip(target)
  const path = node && id !== here && !one.action ? way(id) : null
  return h(
    'section.map-card',
    { key: 'card', class: game.corner ?? CORNERS[0], 'aria-label': 'The chosen place' },
    h(
      'p.kicker',
      {},
      node
        ? node.charted
          ? `${nameOf.nodeKind(node.type)} in ${iso(region.name)}`
          : `Not charted, in ${iso(region.name)}`
        : nameOf.regionKind(region.type),
    ),
    h('h2', {}, h('bdi', {}, node ? node.name : region.name)),
    h(
      'p.tags',
      {},
      node?.charted || !node ? dangerMark(node ? node.danger_level : region.danger_level) : null,
      node?.has_repair ? h('span.tag', {}, icon('repair'), 'repair dock') : null,
      node?.has_trade ? h('span.tag', {}, icon('market'), 'trade dock') : null,
      node && !node.visited ? h('span.tag', {}, 'not visited') : null,
    ),
    h(
      'p.quiet',
      {},
      quest
        ? quest.title
        : node
          ? node.charted
            ? game.content?.nodes[node.type]?.description
            : 'A name on the chart, and a light that may be it. Scan next door, or go and look.'
          : game.content?.regions[region.type]?.description,
    ),
    id === here
      ? h('p.quiet', {}, 'You are here.')
      : one.action
        ? node
          ? action(one, { numbered: false, key: 'trip', text: 'Travel', note: '', plain: true, sign: 'travel' })
          : action(one, { sign: 'jump', text: 'Jump', plain: true, numbered: false })
        : path
          ? action(find('navigate', { node: path.first }), {
              text: `Set out by way of ${nameOf.node(path.first)}`,
              note: `${many(path.legs, 'leg')} in all`,
              numbered: false,
              key: 'way',
            })
          : h(
              'p.quiet',
              {},
              region.id === game.map.current_region_id
                ? 'No route there is known yet.'
                : 'It lies in another region: jump there first.',
            ),
  )
}

const legend = () =>
  h(
    'details.legend',
    { key: 'legend' },
    h('summary', {}, 'Signs'),
    h(
      'ul',
      {},
      ['planet', 'station', 'asteroid_field', 'derelict', 'anomaly', 'wormhole'].map((kind) =>
        h(
          'li',
          { key: kind },
          h('svg', { class: 'art small', viewBox: '0 0 100 100', 'aria-hidden': 'true' }, place(kind, 'Legend')),
          nameOf.nodeKind(kind),
        ),
      ),
      h(
        'li',
        {},
        h('svg', { class: 'art small', viewBox: '0 0 100 100', 'aria-hidden': 'true' }, place('unknown', '')),
        'Not charted',
      ),
      h('li', {}, icon('repair'), 'Repair dock'),
      h('li', {}, icon('market'), 'Trade dock'),
      h(
        'li',
        {},
        h(
          'svg',
          { class: 'art small danger-key', viewBox: '0 0 100 100', 'aria-hidden': 'true' },
          h('circle', { cx: 50, cy: 50, r: 36, 'stroke-dasharray': '120 300' }),
        ),
        'Danger: the longer the red arc',
      ),
    ),
  )

function home() {
  game.moved = false
  move(frameRegion(game.map.current_region_id))
  pick(null)
}

// The hand ------------------------------------------------------------------------------------------------------------------

function watchSize(el) {
  observer?.disconnect()
  observer = new ResizeObserver(
    ([
      {
        contentRect: { width, height },
      },
    ]) => {
      if (width < 1 || (width === size.width && height === size.height)) return
      Object.assign(size, { width, height })
      if (!game.moved && game.camera) game.camera = frameRegion(game.map?.current_region_id)
      changed()
    },
  )
  observer.observe(el)
}

const fingers = new Map()
function grab(event) {
  if (event.button || !game.camera) return
  // Whose end was not heard: a new first finger is alone.
  if (event.isPrimary) fingers.clear()
  fingers.set(event.pointerId, [event.clientX, event.clientY])
  frame = {
    moved: false,
    x: game.camera.x,
    y: game.camera.y,
    span: game.camera.span,
    from: [event.clientX, event.clientY],
    apart: apart(),
  }
}
const apart = () => {
  const [one, two] = [...fingers.values()]
  return two ? Math.hypot(one[0] - two[0], one[1] - two[1]) : 0
}
function drag(event) {
  if (!fingers.has(event.pointerId) || !frame || !game.camera) return
  // Let go outside.
  if (!event.buttons) return release(event)
  fingers.set(event.pointerId, [event.clientX, event.clientY])
  if (fingers.size === 2 && frame.apart) {
    frame.moved = game.moved = true
    return move({ span: (frame.span * frame.apart) / Math.max(20, apart()) })
  }
  const [dx, dy] = [event.clientX - frame.from[0], event.clientY - frame.from[1]]
  if (!frame.moved && Math.hypot(dx, dy) < 6) return
  if (!frame.moved) event.currentTarget.setPointerCapture(event.pointerId)
  frame.moved = game.moved = true
  const u = unit()
  move({ x: frame.x - dx * u, y: frame.y - dy * u })
}
function release(event) {
  fingers.delete(event.pointerId)
  // The click that follows must still know that this was a drag.
  const mine = frame
  setTimeout(() => {
    if (frame === mine) frame = null
  })
}
function wheel(event) {
  event.preventDefault()
  zoom(Math.exp(Math.max(-60, Math.min(60, event.deltaY)) * 0.004))
}
