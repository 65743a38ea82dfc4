// Achievements and statistics: what the voyage will be remembered for. Players read "deeds".

import { h } from '../dom.js'
import { icon } from '../icons.js'
import { sheetHead } from '../parts.js'
import { game } from '../store.js'
import { nameOf, number, STATISTICS, titled } from '../words.js'

export function achievementsView() {
  const earned = new Set(game.state.achievements ?? [])
  const table = game.content?.achievements ?? {}
  const ids = [...new Set([...earned, ...Object.keys(table)])].sort(
    (a, b) => Number(earned.has(b)) - Number(earned.has(a)),
  )
  return h(
    'div.sheet.achievements',
    { 'data-haven': true, tabindex: -1 },
    sheetHead(
      'Deeds',
      'To be remembered',
      ids.length ? `${earned.size} of ${ids.length}.` : 'This server keeps no list of deeds.',
    ),
    h(
      'ul.medals',
      {},
      ids.map((id) =>
        h(
          'li',
          { key: id, class: earned.has(id) ? 'medal earned' : 'medal' },
          icon(earned.has(id) ? 'achievements' : 'lock'),
          h(
            'div',
            {},
            h('b', {}, nameOf.achievement(id)),
            h('span', {}, table[id]?.description ?? ''),
            h('span.unseen', {}, earned.has(id) ? 'Earned.' : 'Not yet.'),
          ),
        ),
      ),
    ),
    h(
      'section.group',
      {},
      h('h3', {}, 'Figures'),
      h(
        'dl.facts',
        {},
        Object.entries(game.state.statistics).map(([id, value]) =>
          h('div', { key: id }, h('dt', {}, STATISTICS[id] ?? titled(id)), h('dd', {}, number(value))),
        ),
      ),
    ),
  )
}
