// The leaderboard of a day.

import { h } from '../dom.js'
import { icon } from '../icons.js'
import { loadBoard } from '../player.js'
import { player } from '../store.js'
import { ENDS, LEVELS, many, number } from '../words.js'
import { cover, masthead } from './cover.js'

export const boardView = () =>
  cover(
    h(
      'main.start-main.narrow',
      { id: 'main', tabindex: -1 },
      masthead('Leaderboard', 'Who made the sum'),
      filters(player.board?.date),
      board(player.board ?? {}),
    ),
  )

/** Which board is shown. Without a date of the player's own it is the board's. */
const filters = (date) =>
  h(
    'div.row.filters',
    {},
    h(
      'label.field',
      {},
      h('span', {}, 'Difficulty'),
      h(
        'select',
        {
          onchange: (event) => {
            player.boardOf.difficulty = event.target.value
            loadBoard()
          },
        },
        LEVELS.map(([id, label]) => h('option', { value: id, selected: player.boardOf.difficulty === id }, label)),
      ),
    ),
    h(
      'label.field',
      {},
      h('span', {}, 'Day of the challenge'),
      h('input', {
        type: 'date',
        value: player.boardOf.date || date || '',
        onchange: (event) => {
          player.boardOf.date = event.target.value
          loadBoard()
        },
      }),
    ),
  )

function board({ entries, problem, loading, date, your_rank: yours, total, seed }) {
  if (loading) return h('p.quiet', {}, 'Asking\u2026')
  if (problem) return h('p.panel-note', {}, problem)
  return [
    h(
      'p.quiet',
      {},
      `${date}: ${many(total ?? 0, 'voyage')}${yours ? `; yours is number ${yours}` : ''}${seed === undefined ? '' : `; the seed was ${seed}`}.`,
    ),
    entries?.length
      ? h('ol.board', {}, entries.map(line))
      : h('p.panel-note', {}, 'Nobody yet. The first place is free.'),
  ]
}

const line = (row) =>
  h(
    'li',
    { key: row.rank, class: row.yours ? 'yours' : '' },
    h('span.place-number', {}, String(row.rank)),
    h(
      'span.board-name',
      {},
      h('bdi', {}, row.name),
      h(
        'span.quiet',
        {},
        `${row.victory ? 'made the sum' : (ENDS[row.end]?.[0].toLowerCase() ?? row.end)}, ${many(row.turn_count, 'turn')}${row.verified ? '' : ', not verified'}`,
      ),
    ),
    h('b', {}, icon('credits'), number(row.wealth)),
  )
