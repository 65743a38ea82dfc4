// The star map: what is known, what lies where, and what it costs to go there. It can be moved, zoomed and walked by key.

import { h } from '../dom.js'
import { button } from '../parts.js'
import { settings } from '../settings.js'
import { game, goalOf } from '../store.js'
import { follow, showAll, showHere, unit, zoom } from './map/camera.js'
import { card, clearChosen, legend } from './map/card.js'
import { field, glow, pill, regionName, spot, ways } from './map/draw.js'
import { dragged, hand } from './map/input.js'
import { placeLabels } from './map/labels.js'
import { pick, targets } from './map/targets.js'

/** Map units in a pixel, from which on the map is seen from afar: ways within a region show no costs, and few places have names. */
const FAR = 0.8

export function mapView() {
  if (!game.map || !game.state) return h('div.map-empty', {}, h('p.quiet', {}, 'Unfolding the map\u2026'))
  follow()
  const here = game.map.current_node_id
  const list = targets()
  const quests = new Map(game.state.active_quests.map((quest) => [goalOf(quest), quest]).filter(([to]) => to))
  const picked = list.find(({ id }) => id === game.picked)
  if (picked) requestAnimationFrame(clearChosen)
  return h(
    'div.map',
    { 'data-haven': true, tabindex: -1 },
    sky(list, here, quests),
    tools(),
    picked ? card(picked, here, quests.get(picked.id)) : null,
    picked && game.corner === 'top left' ? null : legend(),
  )
}

function sky(list, here, quests) {
  const { camera, map } = game
  // Signs and names are as large as other text.
  const u = (unit() * settings.text) / 100
  const far = u > FAR
  const { lanes, routes, fares: all } = ways(map)
  const fares = all.filter((fare) => fare.far || u < FAR)
  const labels = placeLabels(list, { u, far, here, quests, fares })
  const focusable = list.some(({ id }) => id === game.picked) ? game.picked : here
  const drawn = (target) =>
    spot(target, { u, here, focusable, quest: quests.get(target.id), label: labels.get(target.id) })
  const named = map.regions.filter(({ id }) => labels.has(`name-${id}`))
  const n = (value) => Math.round(value * 10) / 10
  const half = camera.span / 2
  return h(
    'svg',
    {
      class: 'sky',
      viewBox: [camera.x - half, camera.y - half, camera.span, camera.span].map(n).join(' '),
      role: 'group',
      'aria-label': 'Star map. Arrow keys go from place to place, Enter travels.',
      onclick: (event) => !event.target.closest('.spot') && !dragged() && game.picked && pick(null),
      ...hand,
    },
    field(),
    h('g', { key: 'glow', class: 'glow' }, map.regions.map(glow)),
    h('g', { key: 'lanes' }, lanes),
    h('g', { key: 'routes' }, routes),
    h(
      'g',
      { key: 'pills', class: 'pills', 'aria-hidden': 'true' },
      fares.filter(({ key }) => labels.has(key)).map((fare) => pill(fare, labels.get(fare.key), u)),
    ),
    h(
      'g',
      { key: 'names' },
      list.filter(({ node }) => !node).map(drawn),
      named.map((region) => regionName(region, labels.get(`name-${region.id}`), u)),
    ),
    // Places lie over names: a click on a place finds it.
    h('g', { key: 'spots' }, list.filter(({ node }) => node).map(drawn)),
  )
}

const tools = () =>
  h(
    'div.map-tools',
    { role: 'group', 'aria-label': 'The view of the map' },
    button('', () => zoom(0.75), { sign: 'plus', class: 'round', label: 'Zoom in' }),
    button('', () => zoom(1.33), { sign: 'minus', class: 'round', label: 'Zoom out' }),
    button('', showAll, { sign: 'map', class: 'round', label: 'Show all of the map' }),
    button('', home, { sign: 'here', class: 'round', label: 'Show where you are' }),
  )

function home() {
  showHere()
  pick(null)
}
