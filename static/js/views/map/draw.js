// The drawing of the map: stars, regions, the ways between them, and places.

import { place, stars } from '../../art.js'
import { h } from '../../dom.js'
import { find, game, nodeById, regionById } from '../../store.js'
import { danger, iso, nameOf } from '../../words.js'
import { rim } from './camera.js'
import { dragged } from './input.js'
import { spotScale } from './labels.js'
import { go, pick, trip } from './targets.js'

/** A number of map units, to a tenth. */
const n = (value) => Math.round(value * 10) / 10
const translate = (x, y) => `translate(${n(x)} ${n(y)})`
const tint = (region, which = 'primary_color') => game.content?.regions[region.type]?.background?.[which] ?? '#7d78b8'

let sky = null
/** The stars behind: drawn once for a game, and left alone. */
export function field() {
  if (sky?.id !== game.id)
    sky = { id: game.id, node: h('g', { key: 'stars' }, stars(`${game.id}`, 2600, 2000, 2000, -1000, -1000)) }
  return sky.node
}

/** A region's glow and rim. */
export function glow(region) {
  const r = rim(region)
  const [cx, cy] = region.position
  return h(
    'g',
    { key: `glow-${region.id}`, class: region.id === game.map.current_region_id ? 'region here' : 'region' },
    h(
      'radialGradient',
      { id: `tint-${region.id}` },
      h('stop', { offset: '0', 'stop-color': tint(region), 'stop-opacity': 0.3 }),
      h('stop', { offset: '0.6', 'stop-color': tint(region, 'secondary_color'), 'stop-opacity': 0.09 }),
      h('stop', { offset: '1', 'stop-color': tint(region), 'stop-opacity': 0 }),
    ),
    h('circle', { cx, cy, r: n(r * 1.35), fill: `url(#tint-${region.id})` }),
    h('circle', { class: 'rim', cx, cy, r: n(r) }),
    h('circle', { class: 'rim', cx, cy, r: n(r * 0.55) }),
    h('path', { class: 'scale', d: ticks(region.position, r) }),
  )
}

/** Eight strokes from the middle outwards, as on an old chart. */
const ticks = ([x, y], r) =>
  [0, 1, 2, 3, 4, 5, 6, 7]
    .map((ix) => {
      const [dx, dy] = [Math.cos((ix * Math.PI) / 4), Math.sin((ix * Math.PI) / 4)]
      return `M${n(x + dx * r * 0.12)} ${n(y + dy * r * 0.12)}L${n(x + dx * r)} ${n(y + dy * r)}`
    })
    .join('')

/** The ways between regions and between places, each once, and what those from here cost: `{lanes, routes, fares}`. */
export function ways({ regions, current_region_id: home, current_node_id: here }) {
  const [lanes, routes, fares] = [[], [], []]
  const drawn = new Set()
  const fresh = (pair) => !drawn.has(pair) && drawn.add(pair)
  for (const region of regions) {
    for (const to of region.connections) {
      const other = regionById(to)
      const pair = pairOf(region.id, to)
      if (!other || !fresh(pair)) continue
      const [from, target] = region.id === home ? [region, other] : [other, region]
      lanes.push(stroke('lane', pair, from.id === home, region.position, other.position))
      const { offer } = from.id === home ? find('jump', { region: target.id }) : {}
      if (offer) fares.push({ key: `pill-${target.id}`, offer, from: from.position, to: target.position, far: true })
    }
    for (const node of region.nodes) {
      for (const to of node.connections ?? []) {
        const { node: other } = nodeById(to)
        const pair = pairOf(node.id, to)
        if (!other || !fresh(pair)) continue
        const live = node.id === here || to === here
        routes.push(stroke('route', pair, live, node.position, other.position))
        const { offer } = live ? find('navigate', { node: node.id === here ? to : node.id }) : {}
        if (offer) fares.push({ key: `pill-${pair}`, offer, from: node.position, to: other.position, far: false })
      }
    }
  }
  return { lanes, routes, fares }
}

const pairOf = (one, other) => [one, other].sort().join()
const stroke = (kind, pair, live, [x1, y1], [x2, y2]) =>
  h('line', { key: `${kind}-${pair}`, class: live ? `${kind} live` : kind, x1, y1, x2, y2 })

/** A badge with the fuel that a way takes. */
export const pill = ({ key, offer }, { x, y }, u) =>
  h(
    'g',
    { key, transform: `${translate(x, y)} scale(${u.toFixed(4)})` },
    h('rect', { x: -19, y: -10, width: 38, height: 20, rx: 10 }),
    h('path', { d: 'M-9 -6c2.5 3.5 4 5.4 4 7.8a4 4 0 0 1-8 0C-13-.6-11.5-2.5-9-6z' }),
    h('text', { x: 6, y: 4 }, String(offer.cost.fuel)),
  )

/** The name of a region that cannot be chosen. */
export const regionName = (region, { x, y }, u) =>
  h(
    'g',
    { key: `name-${region.id}`, class: 'region-name', transform: `${translate(x, y)} scale(${u.toFixed(4)})` },
    h('text', {}, region.name),
  )

/** A place, or a region that can be chosen. `label` is what `placeLabels` has found for it. */
export function spot(target, { u, here, focusable, quest, label }) {
  const { id, node, position } = target
  const { offer } = trip(target)
  const chosen = id === game.picked
  const [x, y] = node || label?.x === undefined ? position : [label.x, label.y]
  const classes = ['spot', offer && 'live', id === here && 'current', chosen && 'picked'].filter(Boolean).join(' ')
  const shared = {
    key: `spot-${id}`,
    id: `spot-${id}`,
    role: 'button',
    class: classes,
    tabindex: id === focusable ? 0 : -1,
    'aria-label': spoken(target, id === here, quest, offer),
    'aria-current': id === here ? 'location' : null,
    'aria-pressed': chosen ? 'true' : 'false',
    transform: `${translate(x, y)} scale(${(node ? spotScale(u) : u).toFixed(4)})`,
    onclick: () => !dragged() && (game.picked === id && offer ? go(id) : pick(id)),
    onfocus: () => game.picked !== id && pick(id),
    onkeydown: (event) => {
      if (event.key !== 'Enter' && event.key !== ' ') return
      event.preventDefault()
      if (offer) go(id)
      else pick(id)
    },
  }
  return node ? placeSpot(target, shared, { current: id === here, quest, label }) : regionSpot(target, shared, label)
}

/** What screen readers say of a target. */
function spoken({ node, region }, current, quest, offer) {
  if (!node)
    return `Region ${iso(region.name)}, ${nameOf.regionKind(region.type)}, ${danger(region.danger_level)}.${offer ? ` Jump for ${offer.cost.fuel} fuel.` : ''}`
  const kind = node.charted ? `${nameOf.nodeKind(node.type)}, ${danger(node.danger_level)}` : 'not charted'
  return `${iso(node.name)}, ${kind}${node.has_repair ? ', repair dock' : ''}${node.has_trade ? ', trade dock' : ''}${current ? '. You are here.' : ''}${quest ? '. Work leads here.' : ''}${offer ? `. Travel for ${offer.cost.fuel} fuel.` : ''}`
}

function regionSpot({ region }, shared, label) {
  const half = Math.max(44, (label?.wide ?? 88) / 2)
  return h(
    'g',
    { ...shared, class: `${shared.class} region-name` },
    h('rect', { class: 'hit', x: n(-half), y: -27, width: n(2 * half), height: 44 }),
    h('rect', { class: 'halo', x: n(-half - 4), y: -21, width: n(2 * half + 8), height: 34, rx: 17 }),
    // Where there is no room for its name, a sign stands on its rim.
    label?.x === undefined ? h('circle', { class: 'disc', r: 7 }) : h('text', {}, region.name),
  )
}

function placeSpot({ node }, shared, { current, quest, label: { name, marked, reach } }) {
  const arc = 2 * Math.PI * 24
  const classes = [shared.class, node.visited && 'visited', !node.charted && 'uncharted'].filter(Boolean).join(' ')
  return h(
    'g',
    { ...shared, class: classes },
    h('circle', { class: 'hit', r: n(reach) }),
    current ? h('circle', { class: 'pulse', r: 24 }) : null,
    h('circle', { class: 'disc', r: 22 }),
    node.charted
      ? h('circle', {
          class: 'danger-arc',
          r: 24,
          'stroke-dasharray': `${n(arc * node.danger_level)} ${n(arc)}`,
          transform: 'rotate(-90)',
        })
      : null,
    h('circle', { class: 'halo', r: 28 }),
    h(
      'g',
      { class: 'glyph', transform: 'scale(0.44) translate(-50 -50)' },
      place(node.charted ? node.type : 'unknown', node.name),
    ),
    name
      ? h(
          'text',
          {
            class: 'spot-name',
            'text-anchor': name.anchor,
            transform: `${translate(name.x, name.y)} scale(${name.scale.toFixed(3)})`,
          },
          node.name,
        )
      : null,
    node.has_repair && marked ? h('path', REPAIR_MARK) : null,
    node.has_trade && marked ? h('path', TRADE_MARK) : null,
    quest ? h('path', { class: 'flag', transform: 'translate(0 -46)', d: 'M0 22V0l15 5-15 5' }) : null,
  )
}

const REPAIR_MARK = {
  class: 'dock-mark',
  transform: 'translate(20 -7) scale(0.6)',
  d: 'M14.5 6.5a4 4 0 0 0-5.2 5L4 16.8a2.2 2.2 0 0 0 3.2 3.2l5.3-5.3a4 4 0 0 0 5-5.2l-2.6 2.6-2.8-.7-.7-2.8z',
}
const TRADE_MARK = {
  class: 'dock-mark',
  transform: 'translate(-41 -8) scale(0.6)',
  d: 'M12 4v16M8 20h8M5 7h14M5 7l-3 7h6zM19 7l-3 7h6z',
}
