// The start page: go on with a voyage, or choose what else to do.

import { shipArt } from '../art.js'
import { call } from '../api.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { ask, button, showDialog } from '../parts.js'
import { forget, loadPlayer } from '../player.js'
import { player, toast } from '../store.js'
import { iso, left, many, refusal, since } from '../words.js'
import { cover } from './cover.js'

export function startView() {
  const games = player.sessions
  const open = games?.filter(({ status }) => status !== 'finished') ?? []
  const done = games?.filter(({ status }) => status === 'finished') ?? []
  return cover(
    h(
      'main.start-main',
      { id: 'main', tabindex: -1 },
      h(
        'header.masthead',
        {},
        h('p.kicker', {}, 'A voyage in 120 turns'),
        h('h1', {}, 'Cosmic Explorer'),
        h(
          'p.lede',
          {},
          'Five regions, a purse, a ship with too little of everything. Trade, mine, fight, or look where nobody has looked, until the sum you set out for is yours.',
        ),
      ),
      player.problem ? trouble(player.problem) : null,
      open.length
        ? h(
            'section.start-block',
            { 'aria-labelledby': 'go-on' },
            h('h2', { id: 'go-on' }, 'Go on'),
            h('ul.games', {}, open.map(card)),
          )
        : null,
      ways(open.length > 0),
      done.length
        ? h(
            'section.start-block',
            { 'aria-labelledby': 'past' },
            h('h2', { id: 'past' }, 'Past voyages'),
            h('ul.games.past', {}, done.slice(0, 8).map(card)),
          )
        : null,
    ),
  )
}

/** What to do, with the new voyage first for a player who has no games. */
const ways = (hasGames) =>
  h(
    'nav.start-ways',
    { 'aria-label': 'What to do' },
    h(
      'a.way',
      { href: '#/new', class: hasGames ? '' : 'primary' },
      icon('ship'),
      h('span', {}, h('b', {}, 'New voyage'), h('i', {}, 'Choose how hard it is, and begin')),
    ),
    player.challenge
      ? h(
          'a.way',
          { href: '#/new/daily' },
          icon('star'),
          h(
            'span',
            {},
            h('b', {}, 'Daily challenge'),
            h('i', {}, `One sky for all, ${left(player.challenge.ends_at)}`),
          ),
        )
      : null,
    h(
      'a.way',
      { href: '#/saves' },
      icon('save'),
      h('span', {}, h('b', {}, 'Saves'), h('i', {}, 'Four slots, and files to keep')),
    ),
    h(
      'a.way',
      { href: '#/board' },
      icon('trophy'),
      h('span', {}, h('b', {}, 'Leaderboard'), h('i', {}, 'Who made the sum, and how fast')),
    ),
    h(
      'button.way',
      { type: 'button', onclick: () => showDialog('help') },
      icon('help'),
      h('span', {}, h('b', {}, 'How to play'), h('i', {}, 'The rules in two minutes, and the keys')),
    ),
    h(
      'button.way',
      { type: 'button', onclick: () => showDialog('settings') },
      icon('gear'),
      h('span', {}, h('b', {}, 'Settings'), h('i', {}, 'Sound, motion, contrast, text')),
    ),
  )

function trouble(problem) {
  const bad = problem.code === 'TOKEN_INVALID'
  return h(
    'div.trouble',
    { role: 'alert' },
    icon('danger'),
    h(
      'div',
      {},
      h(
        'b',
        {},
        bad
          ? 'This browser\u2019s key is no longer good'
          : problem.status === 0
            ? 'The server does not answer'
            : 'Something is wrong',
      ),
      h(
        'p',
        {},
        bad
          ? 'It was revoked, or it is older than 90 days. Games that were played with it cannot be opened from here any more.'
          : problem.status === 0
            ? 'Your games are safe on its disk. This page asks again every few seconds.'
            : refusal(problem),
      ),
      bad ? button('Begin anew', forget, { class: 'primary' }) : null,
    ),
  )
}

const VERDICTS = {
  counted: 'on the board',
  not_first: 'does not count: not the first',
  late: 'does not count: too late',
  too_low: 'not among the best',
  too_long: 'does not count: too long',
  unranked: 'does not count',
  unproven: 'does not count: not proven',
}

function card(session) {
  return h(
    'li.game-card',
    { key: session.session_id },
    h(
      'a',
      { href: `#/play/${session.session_id}` },
      shipArt(session.ship_type, 'thumb'),
      h(
        'span.game-words',
        {},
        h('b', {}, h('bdi', {}, session.name)),
        h('span', {}, h('bdi', {}, session.place)),
        h(
          'span.quiet',
          {},
          `${session.challenge ? `Challenge of ${session.challenge.date}${session.challenge.verdict ? `, ${VERDICTS[session.challenge.verdict] ?? session.challenge.verdict}` : ''}; ` : session.permadeath ? 'no way back; ' : ''}turn ${session.turn_count}, ${many(session.wealth, 'credit')}, ${since(session.last_activity)}`,
        ),
      ),
    ),
    h(
      'button.round',
      {
        type: 'button',
        'aria-label': `Delete ${iso(session.name)}`,
        onclick: () =>
          ask(
            'Delete this voyage?',
            `\u201c${iso(session.name)}\u201d goes for good, with its history. Saves of it stay.`,
            'Delete it',
            () => remove(session),
          ),
      },
      icon('trash'),
    ),
  )
}

async function remove(session) {
  try {
    await call(`api/sessions/${session.session_id}`, { method: 'DELETE' })
    toast(`\u201c${iso(session.name)}\u201d was deleted.`)
  } catch (problem) {
    toast(refusal(problem), 'danger')
  }
  loadPlayer()
}
