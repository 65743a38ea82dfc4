// Pages that say one thing: a game that is not here yet, one that cannot be opened, and an address that leads nowhere.

import { h } from '../dom.js'
import { icon } from '../icons.js'
import { button } from '../parts.js'
import { retry, takeOver } from '../session.js'
import { game, ui } from '../store.js'
import { word } from '../words.js'

/** A game that the server has not told of yet. */
export const waking = (link) =>
  h(
    'main.loading',
    { id: 'main', tabindex: -1 },
    h('p.kicker', {}, link.status === 'offline' ? 'No connection' : 'Cosmic Explorer'),
    h(
      'h1',
      {},
      link.status === 'offline'
        ? 'The server does not answer'
        : link.status === 'replaced'
          ? 'Played elsewhere'
          : 'Waking the ship\u2026',
    ),
    h('p.quiet', {}, word.link(link)),
    link.status === 'offline'
      ? button('Try now', retry, { class: 'primary' })
      : link.status === 'replaced'
        ? button('Play here', takeOver, { class: 'primary' })
        : null,
    h('p', {}, h('a.back', { href: '#/' }, icon('flee'), 'To the start page')),
  )

/** Why a game cannot be opened, by how the connection to it ended: a title and a sentence. */
const LOST = {
  unknown: () => ['No such game', 'It was never here, or it belongs to another player\u2019s browser.'],
  denied: ({ status, detail }) => [
    'The door stays shut',
    game.watch === null
      ? (detail ?? word.link({ status }))
      : 'This link is no longer good, or was not copied whole. Ask for a new one.',
  ],
  expired: ({ frame }) => [
    'This game is gone for good',
    frame?.reason === 'deleted' ? 'Its player deleted it.' : 'It was kept as long as this server keeps games.',
  ],
  damaged: ({ status }) => ['This game is damaged', word.link({ status })],
  left: () => ['Put away', 'The game was put away; it goes on when it is opened.'],
}
export const isLost = ({ status }) => status in LOST

/** A game that cannot be opened. */
export function lost(link) {
  const { status } = link
  const [title, text] = LOST[status](link)
  return h(
    'main.loading',
    { id: 'main', tabindex: -1 },
    icon(status === 'expired' ? 'trash' : 'lock', 'large'),
    h('h1', {}, title),
    h('p.quiet', { role: 'status' }, text),
    h('p', {}, h('a.button.primary', { href: '#/' }, icon('home'), h('span', {}, 'To the start page'))),
  )
}

/** An address that leads nowhere. */
export const nowhereView = () =>
  h(
    'main.loading',
    { id: 'main', tabindex: -1 },
    icon('map', 'large'),
    h('h1', {}, 'Nothing lies here'),
    h('p.quiet', { role: 'status' }, 'This page has no view ', h('bdi', {}, `#${ui.route.address.slice(0, 80)}`), '.'),
    h('p', {}, h('a.button.primary', { href: '#/' }, icon('home'), h('span', {}, 'To the start page'))),
  )
