// Places, ships and enemies as line drawings, on a 100 by 100 sheet. The same drawing serves the map, where `.fine` lines are left out,
// and the heads of panels. What is not given by its kind comes from its name, so that a place looks the same every time.

import { h } from './dom.js'

/** Numbers from 0 to 1, one a call, always the same ones for a text. */
function draws(text) {
  let hash = 2166136261
  for (let at = 0; at < text.length; at += 1) hash = Math.imul(hash ^ text.charCodeAt(at), 16777619)
  return () => {
    hash = Math.imul(hash ^ (hash >>> 15), 2246822519) + 0x9e3779b9
    hash ^= hash >>> 13
    return ((hash >>> 0) % 10007) / 10007
  }
}

const n = (value) => Math.round(value * 10) / 10
const path = (d, more) => h('path', { d, ...more })
const fine = (d) => path(d, { class: 'fine' })
const soft = (d) => path(d, { class: 'soft' })
const dot = (x, y, r = 1.6) => h('circle', { cx: n(x), cy: n(y), r, class: 'lamp' })
const ring = (r, more = {}) => h('circle', { cx: 50, cy: 50, r, ...more })
const ellipse = (rx, ry, turn, more = {}) =>
  h('ellipse', { cx: 50, cy: 50, rx: n(rx), ry: n(ry), transform: `rotate(${n(turn)} 50 50)`, ...more })

const PLACES = {
  planet(draw) {
    const tilt = -28 + 56 * draw()
    const ringed = draw() > 0.45
    const r = ringed ? 25 : 30
    const bands = [-0.55, -0.15, 0.3, 0.62].map((at) => {
      const y = at + 0.18 * (draw() - 0.5)
      const half = Math.sqrt(Math.max(0, 1 - y * y)) * r
      return fine(`M${n(50 - half)} ${n(50 + y * r)}Q50 ${n(50 + y * r + 5)} ${n(50 + half)} ${n(50 + y * r)}`)
    })
    return [
      ring(r, { class: 'body' }),
      h(
        'g',
        { transform: `rotate(${n(tilt)} 50 50)` },
        bands,
        path(`M50 ${50 - r}A${r * 0.55} ${r} 0 0 1 50 ${50 + r}A${r} ${r} 0 0 0 50 ${50 - r}`, { class: 'shade' }),
      ),
      ringed
        ? h(
            'g',
            { transform: `rotate(${n(tilt)} 50 50)` },
            path(`M${50 - r + 2} 43C14 47 4 53 8 57C14 63 86 63 92 57C96 53 86 47 ${50 + r - 2} 43`),
            fine(`M${50 - r + 1} 47C20 50 14 53 17 55C24 59 76 59 83 55C86 53 80 50 ${50 + r - 1} 47`),
          )
        : null,
      h('circle', { cx: n(80 + 8 * draw()), cy: n(18 + 10 * draw()), r: 4, class: 'fine-body' }),
    ]
  },
  station(draw) {
    const spokes = 6
    const turn = 60 * draw()
    const at = (angle, r) => [50 + r * Math.cos(angle), 50 + r * Math.sin(angle)]
    const parts = []
    for (let each = 0; each < spokes; each += 1) {
      const angle = ((turn + (360 / spokes) * each) * Math.PI) / 180
      const [a, b] = at(angle, 9)
      const [c, d] = at(angle, 29)
      const [e, f] = at(angle, 40)
      parts.push(path(`M${n(a)} ${n(b)}L${n(c)} ${n(d)}`))
      if (each % 2) parts.push(fine(`M${n(c)} ${n(d)}L${n(e)} ${n(f)}`), dot(e, f, 1.8))
    }
    return [
      ring(31, { class: 'body' }),
      ring(24, { class: 'fine' }),
      ring(9, { class: 'body' }),
      ring(3.5, { class: 'fine' }),
      parts,
    ]
  },
  anomaly(draw) {
    const turn = 180 * draw()
    const arcs = [38, 31, 24, 17, 10].map((r, ix) =>
      ellipse(r, r * (0.42 + 0.1 * ix), turn + ix * 33, {
        class: ix % 2 ? 'fine' : '',
        'stroke-dasharray': ix % 2 ? '3 4' : `${n(r * 2.6)} ${n(r * 0.9)}`,
      }),
    )
    return [arcs, path('M50 44L53 50 50 56 47 50z', { class: 'body' })]
  },
  wormhole(draw) {
    const turn = -30 + 60 * draw()
    const rings = [0, 1, 2, 3, 4, 5].map((ix) =>
      h('ellipse', {
        cx: 50,
        cy: n(30 + 7.5 * ix),
        rx: n(38 - ix * 6.4),
        ry: n(13 - ix * 2),
        class: ix % 2 ? 'fine' : '',
      }),
    )
    return h(
      'g',
      { transform: `rotate(${n(turn)} 50 50)` },
      rings,
      path('M12 30C18 52 38 56 47 84M88 30C82 52 62 56 53 84'),
      fine('M30 41C36 54 44 60 49 84M70 41C64 54 56 60 51 84'),
    )
  },
  asteroid_field(draw) {
    const rock = (x, y, r, first) => {
      const corners = Array.from({ length: 8 }, (_, ix) => {
        const angle = (ix / 8) * 2 * Math.PI
        const reach = r * (0.72 + 0.4 * draw())
        return `${n(x + reach * Math.cos(angle))} ${n(y + reach * Math.sin(angle))}`
      })
      return [
        path(`M${corners.join('L')}z`, { class: first ? 'body' : 'fine-body' }),
        first
          ? fine(`M${n(x - r * 0.3)} ${n(y - r * 0.2)}l${n(r * 0.3)} ${n(r * 0.25)} ${n(r * 0.35)} ${n(-r * 0.2)}`)
          : null,
      ]
    }
    return [
      rock(42, 46, 19, true),
      rock(72, 66, 11, true),
      rock(70, 28, 8, true),
      rock(26, 76, 7),
      rock(86, 44, 4),
      rock(17, 27, 5),
      rock(50, 83, 4),
    ]
  },
  derelict(draw) {
    const turn = -34 + 50 * draw()
    return h(
      'g',
      { transform: `rotate(${n(turn)} 50 50)` },
      path('M8 52L22 40 44 38 49 45 45 52 50 60 24 62z', { class: 'body' }),
      path('M57 37L78 40 92 47 86 58 62 61 58 54 62 47z', { class: 'body' }),
      fine('M24 40V62M36 39V61M72 40V60M49 45L53 42M50 60L55 63M45 52L55 50'),
      fine('M78 40L84 28M80 33L89 31'),
      path('M52 70l3-3 2 4zM48 28l4 1-2 4z', { class: 'fine-body' }),
      dot(16, 50),
      dot(82, 50),
    )
  },
  unknown() {
    return [ring(26, { 'stroke-dasharray': '5 6' }), h('circle', { cx: 50, cy: 50, r: 3, class: 'lamp' })]
  },
}

const SHIPS = {
  scout: () => [
    path('M90 50C80 43 62 41 46 42L20 34 14 38 24 46 16 50 24 54 14 62 20 66 46 58C62 59 80 57 90 50z', {
      class: 'body',
    }),
    fine('M74 46C70 48 70 52 74 54M46 42V58M58 42C56 46 56 54 58 58M24 46H40M24 54H40'),
    soft('M10 46H2M10 54H4'),
  ],
  trader: () => [
    path('M94 50L84 40H72V34H24V40H16V60H24V66H72V60H84z', { class: 'body' }),
    fine('M36 34V66M48 34V66M60 34V66M72 40V60M24 50H72M84 45V55'),
    path('M16 43H9V57H16', {}),
    soft('M6 46H1M6 54H2'),
  ],
  combat: () => [
    path('M92 50L70 44 60 34 66 24 54 28 40 40 18 38 12 44 22 50 12 56 18 62 40 60 54 72 66 76 60 66 70 56z', {
      class: 'body',
    }),
    fine('M70 44L58 50 70 56M40 40L48 50 40 60M22 50H48M66 24H82M66 76H82M60 34H74M60 66H74'),
    soft('M9 47H2M9 53H3'),
  ],
  explorer: () => [
    path('M92 50C84 44 70 43 56 44H30L20 38 14 42V58L20 62 30 56H56C70 57 84 56 92 50z', { class: 'body' }),
    h('ellipse', { cx: 46, cy: 50, rx: 9, ry: 28 }),
    h('ellipse', { cx: 46, cy: 50, rx: 5, ry: 22, class: 'fine' }),
    fine('M78 46C75 48 75 52 78 54M64 44V56M30 44V56M46 22V44M46 56V78'),
    soft('M10 47H3M10 53H4'),
  ],
  pod: () => [
    path('M72 50C72 60 60 66 44 66 32 66 28 60 28 50S32 34 44 34C60 34 72 40 72 50z', { class: 'body' }),
    h('circle', { cx: 58, cy: 50, r: 5 }),
    fine('M40 35V65M28 50H40'),
    soft('M24 46H16M24 54H18'),
  ],
}

const ENEMIES = {
  pirate_scout: () => [
    path('M8 50L34 40 44 30 78 26 66 40 84 46V54L66 60 78 74 44 70 34 60z', { class: 'body' }),
    fine('M34 40L44 50 34 60M44 50H66M66 40V60'),
    dot(24, 50),
  ],
  pirate_raider: () => [
    path('M6 46L26 38H40L46 26H74L70 38H90V62H70L74 74H46L40 62H26L6 54z', { class: 'body' }),
    fine('M40 38V62M54 38V62M70 38V62M26 38V62M46 26L50 38M46 74L50 62M6 42H22M6 58H22'),
    dot(18, 50),
    dot(80, 50),
  ],
  alien_drone: () => [
    path('M50 14L78 34V66L50 86 22 66V34z', { class: 'body' }),
    ring(13),
    ring(5, { class: 'lamp-ring' }),
    fine('M50 14V37M50 63V86M22 34L39 43M78 34L61 43M22 66L39 57M78 66L61 57'),
  ],
  space_kraken: () => [
    path('M34 44C34 26 42 14 54 14S74 26 74 44C74 52 70 58 64 60H44C38 58 34 52 34 44z', { class: 'body' }),
    path(
      'M44 60C40 72 26 70 18 84M50 60C50 74 40 78 38 92M58 60C58 74 66 78 66 92M64 60C70 72 82 68 90 82M40 56C30 62 20 56 8 62M68 56C78 62 86 54 94 60',
    ),
    fine('M46 26C48 22 58 22 60 26M42 34C46 30 62 30 66 34'),
    dot(46, 46, 2.4),
    dot(62, 46, 2.4),
  ],
  rogue_ai_ship: () => [
    path('M4 50L40 34 52 18 60 32 94 42V58L60 68 52 82 40 66z', { class: 'body' }),
    fine('M40 34V66M60 32V68M4 50H94M52 18V34M52 66V82'),
    h('circle', { cx: 50, cy: 50, r: 7 }),
    dot(50, 50, 2.6),
  ],
}

const named = (table, kind, fallback) => table[kind] ?? fallback
/** A place of a kind, as parts for the inside of an `svg`. */
export const place = (kind, name) => named(PLACES, kind, PLACES.unknown)(draws(name))
const whole = (parts, more) =>
  h('svg', { class: `art ${more}`, viewBox: '0 0 100 100', 'aria-hidden': 'true', focusable: 'false' }, parts)
export const placeArt = (kind, name, more = '') => whole(place(kind, name), more)
const ship = (kind) => named(SHIPS, kind, SHIPS.scout)()
export const shipArt = (kind, more = '') => whole(ship(kind), more)
export const enemyArt = (kind, more = '') => whole(named(ENEMIES, kind, ENEMIES.pirate_scout)(), more)

/** Stars on a field. The same name always gives the same stars. */
export function stars(name, count, width, height, left = 0, top = 0) {
  const draw = draws(name)
  // A stroke of no length has round ends: one element draws many stars.
  const of = (many) =>
    Array.from({ length: many }, () => `M${n(left + draw() * width)} ${n(top + draw() * height)}h0`).join('')
  return h(
    'g',
    { class: 'stars' },
    path(of(Math.round(count * 0.72)), { class: 'star-1' }),
    path(of(Math.round(count * 0.22)), { class: 'star-2' }),
    path(of(Math.round(count * 0.06)), { class: 'star-3' }),
  )
}
