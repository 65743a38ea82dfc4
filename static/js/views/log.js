// The log: every turn of the voyage, newest first.

import { h } from '../dom.js'
import { button, sheetHead } from '../parts.js'
import { fill } from '../session.js'
import { changed, game, showEarlier } from '../store.js'
import { clock, many, number, turnTitle } from '../words.js'

const PAGE = 60

export function logView() {
  const lines = []
  let revision = game.head
  const at = counted()
  for (; revision >= 1 && lines.length < game.logShown; revision -= 1) {
    const turn = game.turns.get(revision)
    if (turn) lines.push(line(turn, at(revision)))
    else if (revision < game.from) break
  }
  return h(
    'div.sheet.log',
    { 'data-haven': true, tabindex: -1 },
    sheetHead('The log', 'What happened', `${many(game.head, 'entry', 'entries')}, newest first.`),
    lines.length
      ? h('ol.log-lines', { reversed: true, start: game.head }, lines)
      : h('p.quiet', {}, game.filling ? 'Reading\u2026' : 'Nothing yet. The first line is yours.'),
    revision >= 1 && lines.length >= PAGE ? button('Earlier', earlier, { sign: 'log', id: 'earlier' }) : null,
  )
}

function earlier() {
  if (showEarlier(PAGE)) fill()
  changed()
}

/** The game's turn after each entry, counted back from now. It is not known for entries before a save was loaded: their count was
 *  another. */
function counted() {
  const after = new Map()
  let count = game.state.turn_count
  for (let revision = game.revision; revision >= 1; revision -= 1) {
    after.set(revision, count)
    const turn = game.turns.get(revision)
    if (!turn?.outcome || after.size > game.logShown + PAGE) break
    count -= turn.outcome.cost.turns
  }
  return (revision) => after.get(revision)
}

/** Lines that were drawn: one is drawn anew only when the names on the map have changed. */
const drawn = new WeakMap()
function line(turn, at) {
  const known = drawn.get(turn)
  if (known?.map === game.map && known.at === at) return known.line
  const line = draw(turn, at)
  drawn.set(turn, { line, map: game.map, at })
  return line
}

const draw = (turn, at) =>
  h(
    'li.log-line',
    { key: turn.revision, value: turn.revision },
    h(
      'div.log-turn',
      {},
      h('b', {}, turnTitle(turn)),
      h(
        'time',
        { datetime: turn.at ?? null, title: turn.at ? clock(turn.at) : null },
        at === undefined ? clock(turn.at) : `Turn ${number(at)}`,
      ),
    ),
    turn.outcome ? h('p.story', {}, turn.outcome.message) : null,
  )

/** The last few lines, under the map. */
export function ticker() {
  const lines = []
  for (let revision = game.head; revision >= 1 && lines.length < 4; revision -= 1) {
    const turn = game.turns.get(revision)
    if (turn)
      lines.push(
        h('li', { key: revision }, h('b', {}, turnTitle(turn)), ' ', h('span', {}, turn.outcome?.message ?? '')),
      )
  }
  return h(
    'section.ticker',
    { key: 'ticker', 'aria-label': 'The last entries of the log', tabindex: 0 },
    lines.length ? h('ol', {}, lines) : h('p.quiet', {}, 'The log is empty. Whatever you do is written here.'),
  )
}
