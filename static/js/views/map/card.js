// What lies over the map: the card of the chosen place, and the key to the signs.

import { place } from '../../art.js'
import { h } from '../../dom.js'
import { icon } from '../../icons.js'
import { action, dangerMark } from '../../parts.js'
import { find, game, moveCard } from '../../store.js'
import { iso, many, nameOf } from '../../words.js'
import { trip, way } from './targets.js'

/** Corners for the card, the usual one first. */
const CORNERS = ['bottom left', 'bottom right', 'top left', 'top right']

/** Moves the card of the chosen place to a corner where it does not lie over that place. */
export function clearChosen() {
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

/** The card of the chosen place or region, with the way there. */
export function card(target, here, quest) {
  const { node, region } = target
  const { nodes, regions } = game.content ?? {}
  const kind = !node
    ? nameOf.regionKind(region.type)
    : node.charted
      ? `${nameOf.nodeKind(node.type)} in ${iso(region.name)}`
      : `Not charted, in ${iso(region.name)}`
  const text = !node
    ? regions?.[region.type]?.description
    : node.charted
      ? nodes?.[node.type]?.description
      : 'A name on the chart, and a light that may be it. Scan next door, or go and look.'
  return h(
    'section.map-card',
    { key: 'card', class: game.corner ?? CORNERS[0], 'aria-label': 'The chosen place' },
    h('p.kicker', {}, kind),
    h('h2', {}, h('bdi', {}, node ? node.name : region.name)),
    h(
      'p.tags',
      {},
      node?.charted || !node ? dangerMark(node ? node.danger_level : region.danger_level) : null,
      node?.has_repair ? h('span.tag', {}, icon('repair'), 'repair dock') : null,
      node?.has_trade ? h('span.tag', {}, icon('market'), 'trade dock') : null,
      node && !node.visited ? h('span.tag', {}, 'not visited') : null,
    ),
    h('p.quiet', {}, quest ? quest.title : text),
    passage(target, here),
  )
}

/** The way to a target: the trip itself, its first leg, or why there is none. */
function passage(target, here) {
  const { node, region, id } = target
  if (id === here) return h('p.quiet', {}, 'You are here.')
  const one = trip(target)
  if (one.action && node)
    return action(one, { numbered: false, key: 'trip', text: 'Travel', note: '', plain: true, sign: 'travel' })
  if (one.action) return action(one, { sign: 'jump', text: 'Jump', plain: true, numbered: false })
  const path = node ? way(id) : null
  if (path)
    return action(find('navigate', { node: path.first }), {
      text: `Set out by way of ${nameOf.node(path.first)}`,
      note: `${many(path.legs, 'leg')} in all`,
      numbered: false,
      key: 'way',
    })
  const inside = region.id === game.map.current_region_id
  return h('p.quiet', {}, inside ? 'No route there is known yet.' : 'It lies in another region: jump there first.')
}

/** The key to the signs. */
export const legend = () =>
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
