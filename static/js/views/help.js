// How to play: the rules in two minutes, and the keys.

import { h } from '../dom.js'
import { dialog } from '../parts.js'

const KEYS = [
  ['1 \u2013 9', 'do what has that number'],
  ['Arrows', 'from place to place on the map'],
  ['Enter', 'travel there'],
  ['+  \u2212  0', 'zoom the map, show all of it'],
  ['H  M  S  T  Q  L  A', 'here, map, ship, market, work, log, deeds'],
  ['X', 'the chosen place off'],
  ['?', 'this page'],
  ['Esc', 'close what is open'],
]

const chapter = (title, ...kids) => h('section', {}, h('h3', {}, title), kids)
const paragraph = (words) => h('p', {}, words)

export const helpDialog = () =>
  dialog(
    'How to play',
    { key: 'help', wide: true },
    h(
      'div.help',
      {},
      chapter(
        'What it is about',
        paragraph(
          'You have 120 turns to bring your purse to the sum that stands beside it. Travelling, scanning, mining, salvaging, waiting and looking for a fight take a turn each; buying, selling and fitting do not.',
        ),
        paragraph(
          'Each turn the crew eats a ration. Without food health goes, without health the crew, without hull the ship. A flight pod is a second chance.',
        ),
      ),
      chapter(
        'The first turns',
        h(
          'ol',
          {},
          [
            'Scan: it charts what lies around you.',
            'Look at the market, and at the board for work. Buy what is far below its usual price.',
            'Travel to a neighbour. The shorter the red arc around a place, the calmer it is.',
            'Sell where they pay more than usual, turn in work, mend and refuel while you can.',
            'When a region holds nothing more for you, jump to the next one: the first arrival is rewarded.',
          ].map((text) => h('li', {}, text)),
        ),
      ),
      chapter(
        'Odds',
        paragraph(
          'Beside each action stands what it takes and how likely it goes well: on a route, to arrive unhurt and unmet; with a scan, to find something; in a fight, to hit. What cannot be done now is grey, and says why.',
        ),
      ),
      chapter(
        'In a fight',
        paragraph(
          'Attack is plain. Evasive maneuvers hit less and are hit much less. A precise shot wants a targeting computer, a barrage two weapons. You can flee, or pay them off if there is anybody to pay.',
        ),
      ),
      chapter(
        'Coming and going',
        paragraph(
          'Every turn is on the server\u2019s disk before you see it. Close the page whenever you like; the start page brings you back. One tab plays a game at a time, and the newest one that asks for it gets it.',
        ),
      ),
      keys(),
    ),
  )

const keys = () =>
  chapter(
    'Keys',
    h(
      'dl.keys',
      {},
      KEYS.map(([keys, text]) =>
        h(
          'div',
          { key: keys },
          h(
            'dt',
            {},
            keys.split('  ').map((each) => h('kbd', {}, each)),
          ),
          h('dd', {}, text),
        ),
      ),
    ),
    h('p.quiet', {}, 'Single keys can be turned off under Settings.'),
  )
