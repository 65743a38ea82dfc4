// What keys do wherever nothing is typed.

import { hot, press, showDialog } from './parts.js'
import { showTab, TABS } from './route.js'
import { settings } from './settings.js'
import { game, ui } from './store.js'
import { showAll, zoom } from './views/map/camera.js'
import { walk } from './views/map/input.js'
import { go, pick } from './views/map/targets.js'

export function listenToKeys() {
  addEventListener('keydown', (event) => {
    if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || ui.dialog) return
    const at = event.target
    if (at instanceof HTMLElement && at.closest('input, select, textarea, [contenteditable]')) return
    if (ui.route.view === 'game' && game.state && gameKey(event, at)) return
    if (settings.keys && event.key === '?') showDialog('help')
  })
}

/** A key of a game. Answers whether it was one. */
function gameKey(event, at) {
  const { key } = event
  const map = document.querySelector('.map')
  /** Nothing else has the focus that the key could be meant for. */
  const loose = at === document.body || at.closest?.('.map') || at.id === 'main'
  if (key.startsWith('Arrow') && loose && (ui.wide.matches || ui.route.tab === 'map') && map && walk(key)) {
    event.preventDefault()
    return true
  }
  if (key === 'Escape' && game.picked) {
    pick(null)
    return true
  }
  if (!settings.keys) return true
  if (
    key === 'Enter' &&
    loose &&
    game.picked &&
    at.id !== `spot-${game.picked}` &&
    !at.closest?.('button, summary, a')
  ) {
    go(game.picked)
    return true
  }
  if (/^[1-9]$/.test(key) && hot.list[key - 1] && !event.repeat) {
    event.preventDefault()
    press(key - 1)
    return true
  }
  const tab = TABS.find(([, , , letter]) => letter === key.toLowerCase())
  if (tab) {
    showTab(tab[0])
    return true
  }
  return Boolean(map) && mapKey(key)
}

/** A key of the map. Answers whether it was one. */
function mapKey(key) {
  const run = {
    '+': () => zoom(0.75),
    '=': () => zoom(0.75),
    '-': () => zoom(1.33),
    0: showAll,
    x: () => pick(null),
  }[key.toLowerCase()]
  run?.()
  return Boolean(run)
}
