// A game, laid out: the bar with its figures, the tabs, the banner, and the view that is open.

import { h } from '../dom.js'
import { icon } from '../icons.js'
import { button, meter, showDialog } from '../parts.js'
import { tabName, TABS } from '../route.js'
import { retry, takeOver } from '../session.js'
import { find, game, ui, unread } from '../store.js'
import { number } from '../words.js'
import { achievementsView } from './achievements.js'
import { logView, ticker } from './log.js'
import { mapView } from './map.js'
import { marketView } from './market.js'
import { isLost, lost, waking } from './notice.js'
import { placeView } from './place.js'
import { questsView } from './quests.js'
import { shipView } from './ship.js'

/** What the stage shows, by tab. The place has a panel of its own where there is room, beside the map. */
const VIEWS = {
  map: mapView,
  ship: shipView,
  market: marketView,
  quests: questsView,
  log: logView,
  deeds: achievementsView,
}

export function gameView() {
  const { link } = game
  if (isLost(link)) return lost(link)
  if (!game.state || !game.content) return waking(link)
  const current = tabName(ui.route.tab) ? ui.route.tab : 'here'
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
      { id: 'main', tabindex: -1, 'data-haven': true, 'aria-label': tabName(current) },
      h('h1.unseen', {}, `${game.name || 'Voyage'}: ${tabName(current)}`),
      narrow && current === 'here' ? placeView() : VIEWS[stage](),
    ),
    narrow ? null : h('aside.side-panel', { 'aria-label': 'Here', tabindex: -1 }, placeView()),
    narrow || stage !== 'map' ? null : ticker(),
  )
}

function statusBar() {
  const { player_stats: ship, goal } = game.state
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
    purse(ship.wealth, goal),
    meters(game.state),
    linkMark(),
    game.watch
      ? h(
          'button.round',
          { type: 'button', 'aria-label': 'Settings', onclick: () => showDialog('settings') },
          icon('gear'),
        )
      : h(
          'button.round',
          { type: 'button', 'aria-label': 'Menu', 'aria-haspopup': 'dialog', onclick: () => showDialog('menu') },
          icon('menu'),
        ),
  )
}

/** Credits, and how far they are from the sum to win. */
const purse = (wealth, goal) =>
  h(
    'div.purse',
    {},
    h(
      'span.purse-figure',
      {},
      icon('credits'),
      h('b', {}, number(wealth)),
      h('span.of', {}, ` of ${number(goal)}`),
      h('span.unseen', {}, ' credits'),
    ),
    h(
      'svg',
      { class: 'gauge', viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
      h('rect', { class: 'gauge-back', width: 100, height: 4 }),
      h('rect', {
        class: 'gauge-fill',
        width: Math.min(100, Math.max(0, (100 * wealth) / goal)).toFixed(1),
        height: 4,
      }),
    ),
  )

const meters = ({ player_stats: ship, turn_count: turn, max_turns: most }) =>
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
  )

/** How the connection is. */
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

/** What is wrong with the connection, or that this is a watcher's page. */
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
