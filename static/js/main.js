// The page: which view is shown, what keys do, and how a game is laid out.

import { h, render } from './dom.js'
import { icon } from './icons.js'
import { button, hot, meter, press, toasts } from './parts.js'
import { close, freshen, open, retry, takeOver } from './session.js'
import { settings, show as showSettings } from './settings.js'
import { changed, find, game, listen, ui, unread } from './store.js'
import { deedsView } from './views/deeds.js'
import { dialogs, slots } from './views/dialogs.js'
import { logView, ticker } from './views/log.js'
import { go, mapView, pick, walk, zoom } from './views/map.js'
import { marketView } from './views/market.js'
import { placeView } from './views/place.js'
import { questsView } from './views/quests.js'
import { shipView } from './views/ship.js'
import { boardView, loadBoard, loadPlayer, masthead, newView, show, startView } from './views/start.js'
import { iso, number, word } from './words.js'

const root = document.getElementById('app')
const TABS = [
  ['here', 'Here', 'here', 'h'],
  ['map', 'Map', 'map', 'm'],
  ['ship', 'Ship', 'ship', 's'],
  ['market', 'Market', 'market', 't'],
  ['quests', 'Work', 'quests', 'q'],
  ['log', 'Log', 'log', 'l'],
  ['deeds', 'Deeds', 'deeds', 'a'],
]
const VIEWS = { map: mapView, ship: shipView, market: marketView, quests: questsView, log: logView, deeds: deedsView }

// Which view ------------------------------------------------------------------------------------------------------------------

function read() {
  const hash = location.hash.slice(1)
  if (hash.startsWith('watch=')) {
    const [address, view = 'map'] = hash.split('/')
    const asked = new URLSearchParams(address)
    // A link that was not copied whole.
    if (!asked.get('watch') || !asked.get('game')) return { view: 'nowhere', address: 'watch', parts: [] }
    return { view: 'game', id: asked.get('game'), watch: asked.get('watch'), tab: view, base: `#${address}`, parts: [] }
  }
  const [view = '', ...parts] = hash.replace(/^\//, '').split('/')
  const [first = '', second = 'here'] = parts
  if (view === 'play' && first && parts.length <= 2 && TABS.some(([id]) => id === second))
    return { view: 'game', id: first, watch: null, tab: second, base: `#/play/${first}`, parts }
  const known = { '': [''], new: ['', 'daily'], board: [''], saves: [''] }[view]
  if (known?.includes(first) && parts.length <= 1) return { view: view || 'start', parts }
  return { view: hash.startsWith('/') ? 'nowhere' : 'start', address: hash, parts }
}

function follow() {
  const before = ui.route
  ui.route = read()
  ui.dialog = null
  if (before.id !== ui.route.id) hot.known = []
  if (ui.route.view === 'game') open(ui.route.id, ui.route.watch)
  else {
    close()
    loadPlayer()
    if (ui.route.view === 'board') loadBoard()
  }
  if (before.view !== ui.route.view || before.tab !== ui.route.tab) {
    // As a browser does it for pages: begin at the top, and let screen readers know.
    requestAnimationFrame(() =>
      requestAnimationFrame(() => {
        const main = document.getElementById('main')
        if (main) main.scrollTop = 0
        scrollTo(0, 0)
        const focused = document.activeElement
        if (!focused || focused === document.body) main?.focus({ preventScroll: true })
      }),
    )
  }
  changed()
}

const tab = (name) => {
  location.hash = `${ui.route.base}/${name}`
}

// The layout of a game --------------------------------------------------------------------------------------------------------

function gameView() {
  const { link } = game
  if (['unknown', 'denied', 'expired', 'damaged', 'left'].includes(link.status)) return lost(link)
  if (!game.state || !game.content)
    return h(
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
  const current = VIEWS[ui.route.tab] || ui.route.tab === 'here' ? ui.route.tab : 'here'
  const stage = current === 'here' ? 'map' : current
  // On wide pages the place is always there; on narrow ones it is a view like the others.
  const narrow = !ui.wide.matches
  const tense = Boolean(game.state.combat || game.state.current_event || game.state.game_over)
  return h(
    'div.game',
    {
      class: `${tense ? 'tense' : ''} ${unread() ? 'unread' : ''} ${link.status}`,
      'data-tab': current,
      'data-revision': game.revision,
      'data-settled': game.busy || game.offers?.revision !== game.revision || unread() ? null : 'yes',
      vars: {
        '--tint': game.content.regions[game.state.current_location.region.type]?.background?.primary_color ?? '#6b64a8',
      },
    },
    statusBar(),
    tabs(current),
    banner(),
    h(
      'main.stage',
      { id: 'main', tabindex: -1, 'data-haven': true, 'aria-label': TABS.find(([id]) => id === current)?.[1] },
      h('h1.unseen', {}, `${game.name || 'Voyage'}: ${TABS.find(([id]) => id === current)?.[1]}`),
      narrow && current === 'here' ? placeView() : VIEWS[stage](),
    ),
    narrow ? null : h('aside.side-panel', { 'aria-label': 'Here', tabindex: -1 }, placeView()),
    narrow || stage !== 'map' ? null : ticker(),
  )
}

function statusBar() {
  const { player_stats: ship, turn_count: turn, max_turns: most, goal } = game.state
  return h(
    'header.bar',
    {},
    h(
      'a.skip',
      {
        href: '#main',
        onclick: (event) => {
          event.preventDefault()
          document.getElementById('main')?.focus()
        },
      },
      'To the game',
    ),
    h('a.brand', { href: '#/', 'aria-label': 'To the start page' }, icon('home')),
    h(
      'div.purse',
      {},
      h(
        'span.purse-figure',
        {},
        icon('credits'),
        h('b', {}, number(ship.wealth)),
        h('span.of', {}, ` of ${number(goal)}`),
        h('span.unseen', {}, ' credits'),
      ),
      h(
        'svg',
        { class: 'gauge', viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
        h('rect', { class: 'gauge-back', width: 100, height: 4 }),
        h('rect', {
          class: 'gauge-fill',
          width: Math.min(100, Math.max(0, (100 * ship.wealth) / goal)).toFixed(1),
          height: 4,
        }),
      ),
    ),
    h(
      'div.meters',
      {},
      meter('turn', 'Turn', turn, most, { low: 0, tone: turn > most - 15 ? 'late' : '' }),
      ship.in_pod_mode
        ? meter('pod', 'Pod', ship.pod_hp, ship.pod_max_hp)
        : meter('hull', 'Hull', ship.ship_condition, ship.max_hp, { extra: ship.shield ? `+${ship.shield}` : '' }),
      meter('fuel', 'Fuel', ship.fuel, game.content.limits?.fuel ?? 100),
      meter('health', 'Health', ship.health, game.content.limits?.health ?? 100),
      meter('food', 'Food', ship.food, 0, { tone: ship.food < 10 ? 'low' : '' }),
      meter('cargo', 'Hold', ship.used_cargo_space, ship.cargo_capacity, { low: 0 }),
    ),
    linkMark(),
    game.watch
      ? h('button.round', { type: 'button', 'aria-label': 'Settings', onclick: () => show('settings') }, icon('gear'))
      : h(
          'button.round',
          { type: 'button', 'aria-label': 'Menu', 'aria-haspopup': 'dialog', onclick: () => show('menu') },
          icon('menu'),
        ),
  )
}

function linkMark() {
  const { status, via } = game.link
  const words = {
    live: game.watch ? 'Watching' : via === 'polling' ? 'Asking' : 'Connected',
    connecting: 'Connecting',
    offline: 'Offline',
    replaced: 'Elsewhere',
  }
  return h(
    'span.link-mark',
    { class: status, 'data-status': status, 'data-via': via },
    h('span.lamp', { 'aria-hidden': 'true' }),
    h('span.link-word', {}, words[status] ?? status),
  )
}

const tabs = (current) =>
  h(
    'nav.tabs',
    { 'aria-label': 'Views' },
    TABS.map(([id, label, sign]) => {
      const count =
        id === 'quests'
          ? game.state.active_quests.filter(({ id: quest }) => find('turn_in_quest', { quest }).offer).length ||
            game.state.offered_quests.length
          : 0
      return h(
        'a.tab',
        {
          key: id,
          'data-view': id,
          href: `${ui.route.base}/${id}`,
          'aria-current': id === current || (id === 'map' && current === 'here' && ui.wide.matches) ? 'page' : null,
        },
        icon(sign),
        h('span', {}, label),
        count ? h('span.count', {}, String(count), h('span.unseen', {}, ' new')) : null,
        id === 'here' && (game.state.combat || game.state.current_event) ? h('span.count.alarm', {}, '!') : null,
      )
    }),
  )

function banner() {
  const { link, busy } = game
  if (link.status === 'replaced')
    return h(
      'div.banner.replaced',
      { key: 'banner', role: 'alert' },
      icon('eye'),
      h(
        'p',
        {},
        h('b', {}, 'Played elsewhere. '),
        'Another tab or device has taken this game over. What you see here stands still.',
      ),
      button('Play here', takeOver, { class: 'primary' }),
    )
  if (link.status === 'offline')
    return h(
      'div.banner.offline',
      { key: 'banner', role: 'status' },
      icon('danger'),
      h(
        'p',
        {},
        h('b', {}, 'No connection. '),
        `${link.detail ?? ''} Nothing is lost: this page comes back by itself${link.wait ? ` and tries again in ${Math.max(1, Math.round(link.wait / 1000))} s` : ''}.`,
      ),
      button('Try now', retry),
    )
  if (busy?.slow)
    return h(
      'div.banner.slow',
      { key: 'banner', role: 'status' },
      icon('wait'),
      h('p', {}, h('b', {}, 'Still sending. '), `${busy.detail} It is sent again, and counts once.`),
    )
  if (game.watch)
    return h(
      'div.banner.watching',
      { key: 'banner', role: 'status' },
      icon('eye'),
      h('p', {}, h('b', {}, 'You are watching. '), 'Somebody else plays.'),
    )
  return null
}

function lost({ status, frame, detail }) {
  const texts = {
    unknown: ['No such game', 'It was never here, or it belongs to another player\u2019s browser.'],
    denied: [
      'The door stays shut',
      game.watch === null
        ? (detail ?? word.link({ status }))
        : 'This link is no longer good, or was not copied whole. Ask for a new one.',
    ],
    expired: [
      'This game is gone for good',
      frame?.reason === 'deleted' ? 'Its player deleted it.' : 'It was kept as long as this server keeps games.',
    ],
    damaged: ['This game is damaged', word.link({ status })],
    left: ['Put away', 'The game was put away; it goes on when it is opened.'],
  }
  const [title, text] = texts[status]
  return h(
    'main.loading',
    { id: 'main', tabindex: -1 },
    icon(status === 'expired' ? 'trash' : 'lock', 'large'),
    h('h1', {}, title),
    h('p.quiet', { role: 'status' }, text),
    h('p', {}, h('a.button.primary', { href: '#/' }, icon('home'), h('span', {}, 'To the start page'))),
  )
}

const savesView = () =>
  h('div.start', {}, h('main.start-main', { id: 'main', tabindex: -1 }, masthead('Saves', 'What was kept'), slots()))

const nowhereView = () =>
  h(
    'main.loading',
    { id: 'main', tabindex: -1 },
    icon('map', 'large'),
    h('h1', {}, 'Nothing lies here'),
    h('p.quiet', { role: 'status' }, 'This page has no view ', h('bdi', {}, `#${ui.route.address.slice(0, 80)}`), '.'),
    h('p', {}, h('a.button.primary', { href: '#/' }, icon('home'), h('span', {}, 'To the start page'))),
  )

/** What stands in the tab: the view, and of a game the place and the name. */
function title() {
  const { view, tab: current, parts } = ui.route
  const views = {
    new: parts[0] === 'daily' ? 'Daily challenge' : 'New voyage',
    board: 'Leaderboard',
    saves: 'Saves',
    nowhere: 'Nothing lies here',
  }
  if (view !== 'game') return views[view]
  if (!game.state) return game.link.status === 'connecting' ? 'Waking the ship' : 'Not to be opened'
  const label = TABS.find(([id]) => id === current)?.[1] ?? TABS[0][1]
  return [label, iso(game.state.current_location.node.name), game.name && iso(game.name)].filter(Boolean).join(', ')
}

function page() {
  // The views that are drawn now say what the number keys do.
  hot.list = []
  const views = {
    start: startView,
    new: newView,
    board: boardView,
    saves: savesView,
    game: gameView,
    nowhere: nowhereView,
  }
  document.title = [title(), 'Cosmic Explorer'].filter(Boolean).join(' \u2013 ')
  render(
    root,
    h('div.page', { key: ui.route.view }, views[ui.route.view]()),
    dialogs(),
    ui.dialog ? null : toasts(),
    h('div.unseen', { key: 'said', role: 'status', 'aria-live': 'polite' }, ui.said),
  )
}

// Keys --------------------------------------------------------------------------------------------------------------------------

addEventListener('keydown', (event) => {
  if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || ui.dialog) return
  const at = event.target
  if (at instanceof HTMLElement && at.closest('input, select, textarea, [contenteditable]')) return
  const { key } = event
  if (ui.route.view === 'game' && game.state) {
    const loose = at === document.body || at.closest?.('.map') || at.id === 'main'
    if (
      key.startsWith('Arrow') &&
      loose &&
      (ui.wide.matches || ui.route.tab === 'map') &&
      document.querySelector('.map') &&
      walk(key)
    )
      return event.preventDefault()
    if (key === 'Escape' && game.picked) return pick(null)
    if (!settings.keys) return
    if (
      key === 'Enter' &&
      loose &&
      !at.closest?.('button, summary, a') &&
      at.id !== `spot-${game.picked}` &&
      game.picked
    )
      return go(game.picked)
    if (/^[1-9]$/.test(key) && hot.list[key - 1] && !event.repeat) {
      event.preventDefault()
      return press(key - 1)
    }
    const found = TABS.find(([, , , letter]) => letter === key.toLowerCase())
    if (found) return tab(found[0])
    if (document.querySelector('.map')) {
      if (key === '+' || key === '=') return zoom(0.75)
      if (key === '-') return zoom(1.33)
      if (key === '0') return document.querySelector('.map-tools button:nth-child(3)')?.click()
      if (key.toLowerCase() === 'x') return pick(null)
    }
  }
  if (settings.keys && key === '?') show('help')
})

// -------------------------------------------------------------------------------------------------------------------------------

// What stood there until the scripts were here.
root.replaceChildren()
showSettings()
listen(page)
ui.wide.addEventListener('change', changed)
document.addEventListener('visibilitychange', () => {
  if (document.hidden) return
  changed()
  freshen()
  if (ui.route.view === 'start') loadPlayer()
})
addEventListener('hashchange', follow)
follow()
page()
// For whoever measures how soon there is something to read and to press.
requestAnimationFrame(() => setTimeout(() => performance.mark('useful')))
