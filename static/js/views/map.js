// The star map: what is known, what lies where, and what it costs to go there. It can be moved, zoomed and walked by key.

import { place, stars } from '../art.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { action, button, dangerMark } from '../parts.js'
import { act } from '../session.js'
import { settings } from '../settings.js'
import { all, changed, find, game, nodeById, regionById, ui } from '../store.js'
import { danger, many, nameOf } from '../words.js'

const CLOSEST = 120
const FARTHEST = 1300
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

function frameRegion(id) {
  const region = regionById(id)
  if (!region) return { ...NOWHERE }
  const { x, y, width, height } = extent([region])
  // Labels need room, which on a small sheet is more of it.
  const small = Math.min(size.width, size.height) < 480
  const reach = Math.max(width * (size.height < size.width ? 0.8 : 1), height)
  return { x, y, span: Math.max(190, 1.25 * reach + (small ? 110 : 70)) }
}

function frameAll() {
  if (!game.map?.regions.length) return { ...NOWHERE }
  const { x, y, width, height } = extent(game.map.regions)
  const aspect = size.width / size.height
  const reach = Math.max(width / Math.max(1, aspect), height / Math.max(1, 1 / aspect))
  return { x, y, span: Math.min(FARTHEST, reach + 240) }
}

function follow() {
  const region = regionById(game.map?.current_region_id)
  const here = `${region?.id}`
  // A region that has grown is shown whole again, unless the player has chosen what to see.
  const grown = !game.moved && game.cameraSize !== region?.nodes.length
  if (!game.camera || (game.cameraOf !== here && game.map) || grown) {
    if (game.cameraOf !== here) game.moved = false
    game.cameraSize = region?.nodes.length
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
      ? [{ id: region.id, region, position: [region.position[0], region.position[1] - rim(region)] }]
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
  game.picked = id
  const target = targets().find((each) => each.id === id)
  if (target && game.camera && !ui.wide.matches) {
    // The card lies over the lower half.
    const [x, y] = target.position
    move({ x, y: y + size.height * unit() * 0.2 })
  } else if (target && game.camera) {
    const half = game.camera.span / 2
    const reachX = (half * size.width) / Math.min(size.width, size.height) - 40 * unit()
    const reachY = (half * size.height) / Math.min(size.width, size.height) - 60 * unit()
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
function way(to) {
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
    const to = quest.done
      ? quest.kind === 'rescue'
        ? quest.giver_node_id
        : quest.target_node_id
      : quest.target_node_id
    quests.set(to, quest)
  }
  const pieces = { glow: [], lanes: [], routes: [], pills: [], spots: [] }
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
          pieces.pills.push(pill(one.offer, mid(from.position, target.position, 0.64), `pill-${target.id}`, u))
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
            pieces.pills.push(pill(one.offer, mid(node.position, other.position, 0.5), `pill-${pair}`, u))
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
  for (const target of list) pieces.spots.push(spot(target, { u, far, here, focusable, quest: quests.get(target.id) }))
  for (const region of game.map.regions) {
    if (list.some(({ id }) => id === region.id)) continue
    pieces.spots.push(
      h(
        'g',
        {
          key: `name-${region.id}`,
          class: 'region-name',
          transform: `translate(${n(region.position[0])} ${n(region.position[1] - rim(region))}) scale(${u.toFixed(4)})`,
        },
        h('text', { y: -6 }, region.name),
      ),
    )
  }
  const picked = list.find(({ id }) => id === game.picked)
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
    legend(),
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

function spot(target, { u, far, here, focusable, quest }) {
  const { id, node, region, position } = target
  const one = trip(target)
  const live = Boolean(one.offer)
  const current = id === here
  const label = node
    ? `${node.name}, ${node.charted ? `${nameOf.nodeKind(node.type)}, ${danger(node.danger_level)}` : 'not charted'}${node.has_repair ? ', repair dock' : ''}${node.has_trade ? ', trade dock' : ''}${current ? '. You are here.' : ''}${quest ? '. Work leads here.' : ''}${live ? `. Travel for ${one.offer.cost.fuel} fuel.` : ''}`
    : `Region ${region.name}, ${nameOf.regionKind(region.type)}, ${danger(region.danger_level)}.${live ? ` Jump for ${one.offer.cost.fuel} fuel.` : ''}`
  const shared = {
    key: `spot-${id}`,
    id: `spot-${id}`,
    role: 'button',
    tabindex: id === focusable ? 0 : -1,
    'aria-label': label,
    'aria-current': current ? 'location' : null,
    'aria-pressed': id === game.picked ? 'true' : 'false',
    transform: `translate(${n(position[0])} ${n(position[1])}) scale(${(node ? u * Math.max(0.5, Math.min(1, 0.85 / u)) : u).toFixed(4)})`,
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
    return h(
      'g',
      { ...shared, class: `${classes} region-name` },
      h('rect', { class: 'hit', x: -80, y: -26, width: 160, height: 44 }),
      h('rect', { class: 'halo', x: -84, y: -24, width: 168, height: 34, rx: 17 }),
      h('text', { y: -3 }, region.name),
    )
  }
  const far2 = far && !current && id !== game.picked
  const level = node.charted ? node.danger_level : 0
  const arc = 2 * Math.PI * 24
  return h(
    'g',
    { ...shared, class: `${classes} ${node.visited ? 'visited' : ''} ${node.charted ? '' : 'uncharted'}` },
    h('circle', { class: 'hit', r: 26 }),
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
    far2 ? null : h('text', { class: 'spot-name', y: 42 }, node.name),
    node.has_repair && !far2
      ? h('path', {
          class: 'dock-mark',
          transform: 'translate(20 -7) scale(0.6)',
          d: 'M14.5 6.5a4 4 0 0 0-5.2 5L4 16.8a2.2 2.2 0 0 0 3.2 3.2l5.3-5.3a4 4 0 0 0 5-5.2l-2.6 2.6-2.8-.7-.7-2.8z',
        })
      : null,
    node.has_trade && !far2
      ? h('path', {
          class: 'dock-mark',
          transform: 'translate(-41 -8) scale(0.6)',
          d: 'M12 4v16M8 20h8M5 7h14M5 7l-3 7h6zM19 7l-3 7h6z',
        })
      : null,
    quest ? h('path', { class: 'flag', transform: 'translate(0 -46)', d: 'M0 22V0l15 5-15 5' }) : null,
  )
}

function card(target, here, quest) {
  const { node, region, id } = target
  const one = trip(target)
  const path = node && id !== here && !one.action ? way(id) : null
  return h(
    'section.map-card',
    { key: 'card', 'aria-label': 'The chosen place' },
    h(
      'p.kicker',
      {},
      node
        ? node.charted
          ? `${nameOf.nodeKind(node.type)} in ${region.name}`
          : `Not charted, in ${region.name}`
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
