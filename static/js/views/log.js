// The log: every turn of the voyage, newest first.

import { h } from '../dom.js'
import { button, sheetHead } from '../parts.js'
import { fill } from '../session.js'
import { changed, game } from '../store.js'
import { clock, deed, number } from '../words.js'

const PAGE = 60

export function logView() {
  const lines = []
  let revision = game.head
  for (; revision >= 1 && lines.length < game.logShown; revision -= 1) {
    const turn = game.turns.get(revision)
    if (turn) lines.push(line(turn))
    else if (revision < game.from) break
  }
  return h(
    'div.sheet.log',
    { 'data-haven': true, tabindex: -1 },
    sheetHead('The log', 'What happened', `${number(game.head)} entries, newest first.`),
    lines.length
      ? h('ol.log-lines', { reversed: true, start: game.head }, lines)
      : h('p.quiet', {}, game.filling ? 'Reading\u2026' : 'Nothing yet. The first line is yours.'),
    revision >= 1 && lines.length >= PAGE ? button('Earlier', earlier, { sign: 'log', id: 'earlier' }) : null,
  )
}

function earlier() {
  game.logShown += PAGE
  if (game.head - game.logShown < game.from) {
    game.from = Math.max(1, game.head - game.logShown)
    fill()
  }
  changed()
}

/** A line stays as it was drawn while its turn and the names on the map stay. */
const drawn = new WeakMap()
function line(turn) {
  const known = drawn.get(turn)
  if (known?.map === game.map) return known.line
  const line = draw(turn)
  drawn.set(turn, { line, map: game.map })
  return line
}

const draw = (turn) =>
  h(
    'li.log-line',
    { key: turn.revision, value: turn.revision },
    h('div.log-deed', {}, h('b', {}, deed(turn)), turn.at ? h('time', { datetime: turn.at }, clock(turn.at)) : null),
    turn.outcome ? h('p.story', {}, turn.outcome.message) : null,
  )

/** The last few lines, under the map. */
export function ticker() {
  const lines = []
  for (let revision = game.head; revision >= 1 && lines.length < 4; revision -= 1) {
    const turn = game.turns.get(revision)
    if (turn)
      lines.push(h('li', { key: revision }, h('b', {}, deed(turn)), ' ', h('span', {}, turn.outcome?.message ?? '')))
  }
  return h(
    'section.ticker',
    { key: 'ticker', 'aria-label': 'The last entries of the log', tabindex: 0 },
    lines.length ? h('ol', {}, lines) : h('p.quiet', {}, 'The log is empty. Whatever you do is written here.'),
  )
}
