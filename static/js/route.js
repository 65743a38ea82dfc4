// Which view is shown: what stands behind the `#` of the address.

import { hot } from './parts.js'
import { loadBoard, loadPlayer } from './player.js'
import { close, open } from './session.js'
import { changed, ui } from './store.js'

/** The views of a game: their part of the address, their name, their sign, their key. */
export const TABS = [
  ['here', 'Here', 'here', 'h'],
  ['map', 'Map', 'map', 'm'],
  ['ship', 'Ship', 'ship', 's'],
  ['market', 'Market', 'market', 't'],
  ['quests', 'Work', 'quests', 'q'],
  ['log', 'Log', 'log', 'l'],
  ['deeds', 'Deeds', 'achievements', 'a'],
]
export const tabName = (tab) => TABS.find(([id]) => id === tab)?.[1]

/** The views outside a game, and what may follow each in the address. */
const PAGES = new Map([
  ['', ['']],
  ['new', ['', 'daily']],
  ['board', ['']],
  ['saves', ['']],
])

/** Reads the address: `#/new/daily`, `#/play/ID/map`, `#watch=TOKEN&game=ID/map`. */
function read() {
  const hash = location.hash.slice(1)
  if (hash.startsWith('watch=')) {
    const [address, tab = 'map'] = hash.split('/')
    const query = new URLSearchParams(address)
    const [watch, id] = [query.get('watch'), query.get('game')]
    // The link was not copied whole.
    if (!watch || !id) return { view: 'nowhere', address: 'watch', parts: [] }
    return { view: 'game', id, watch, tab, base: `#${address}`, parts: [] }
  }
  const [view = '', ...parts] = hash.replace(/^\//, '').split('/')
  const [first = '', second = 'here'] = parts
  if (view === 'play' && first && parts.length <= 2 && tabName(second))
    return { view: 'game', id: first, watch: null, tab: second, base: `#/play/${first}`, parts }
  if (PAGES.get(view)?.includes(first) && parts.length <= 1) return { view: view || 'start', parts }
  return { view: hash.startsWith('/') ? 'nowhere' : 'start', address: hash, parts }
}

/** Shows what the address says, and opens or closes the game. */
export function follow() {
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
  // As a browser does it for pages: begin at the top, and let screen readers know. Two frames on, the view has been drawn.
  if (before.view !== ui.route.view || before.tab !== ui.route.tab)
    requestAnimationFrame(() => requestAnimationFrame(toTheTop))
  changed()
}

function toTheTop() {
  const main = document.getElementById('main')
  if (main) main.scrollTop = 0
  scrollTo(0, 0)
  const focused = document.activeElement
  if (!focused || focused === document.body) main?.focus({ preventScroll: true })
}

/** Goes to another view of the game. */
export function showTab(tab) {
  location.hash = `${ui.route.base}/${tab}`
}
