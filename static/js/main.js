// The page: it is drawn anew whenever something has changed.

import { h, render } from './dom.js'
import { hot, toasts } from './parts.js'
import { loadPlayer } from './player.js'
import { follow, tabName } from './route.js'
import { freshen } from './session.js'
import { show as showSettings } from './settings.js'
import { changed, game, listen, ui } from './store.js'
import { boardView } from './views/board.js'
import { dialogs } from './views/dialogs.js'
import { newView } from './views/new.js'
import { nowhereView, waking } from './views/notice.js'
import { savesView } from './views/saves.js'
import { startView } from './views/start.js'
import { iso } from './words.js'

const root = document.getElementById('app')
const VIEWS = {
  start: startView,
  new: newView,
  board: boardView,
  saves: savesView,
  game: () => gameView(),
  nowhere: nowhereView,
}

// The views of a game are half of the modules. The other pages do not wait for them.
let gameView = () => waking(game.link)
const gameModule = import('./views/game.js')
const keysModule = import('./keys.js')

/** The title of the page: the view, and in a game the place and its name. */
function title() {
  const { view, tab, parts } = ui.route
  const views = {
    new: parts[0] === 'daily' ? 'Daily challenge' : 'New voyage',
    board: 'Leaderboard',
    saves: 'Saves',
    nowhere: 'Nothing lies here',
  }
  if (view !== 'game') return views[view]
  if (!game.state) return game.link.status === 'connecting' ? 'Waking the ship' : 'Not to be opened'
  const { name: place } = game.state.current_location.node
  return [tabName(tab) ?? tabName('here'), iso(place), game.name && iso(game.name)].filter(Boolean).join(', ')
}

function page() {
  // The views that are drawn now say what the number keys do.
  hot.list = []
  document.title = [title(), 'Cosmic Explorer'].filter(Boolean).join(' \u2013 ')
  render(
    root,
    h('div.page', { key: ui.route.view }, VIEWS[ui.route.view]()),
    dialogs(),
    ui.dialog ? null : toasts(),
    h('div.unseen', { key: 'said', role: 'status', 'aria-live': 'polite' }, ui.said),
  )
}

// What stood here while the scripts were loaded.
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
gameModule.then((module) => {
  gameView = module.gameView
  changed()
})
keysModule.then(({ listenToKeys }) => listenToKeys())
// Measures how soon there is something to read and to press.
requestAnimationFrame(() => setTimeout(() => performance.mark('useful')))
