// What the page knows, and who hears when that changes. One game at a time.

/** The page. */
export const ui = {
  /** What the address asks for (`route.js`). */
  route: { view: 'start', parts: [] },
  /** A dialog over everything: help, settings, saves, or a question; `name` says which. */
  dialog: null,
  /** Sentences for people: `{text, tone, key}`. */
  toasts: [],
  /** What screen readers are told. */
  said: '',
  /** Whether there is room for the place beside the other views. */
  wide: matchMedia('(min-width: 62rem)'),
}

/** The player, as the pages outside a game show them. Filled by `player.js`. */
export const player = {
  /** Their games, the newest first; null until the server has answered. */
  sessions: null,
  /** Their saves; null until they are asked for. */
  slots: null,
  /** Why the saves could not be read. */
  slotsProblem: null,
  /** Why the games could not be read. */
  problem: null,
  /** The challenge of the day; null until the server has answered, false where it has none. */
  challenge: null,
  /** The leaderboard, or `{loading}`, or `{problem}`; and which one is asked for: no date means today. */
  board: null,
  boardOf: { difficulty: 'normal', date: '' },
  /** The content of new games, for their sums; null while it is not known. */
  content: null,
  /** A game is being created. */
  busy: false,
}

/** All that the page knows of a game, as it is while none is open. */
const closed = () => ({
  // What the server says. `session.js` writes these.

  /** The session's id; null while no game is open. */
  id: null,
  /** The token of a link for watchers; null for the player. */
  watch: null,
  /** The game's name, as the player gave it. */
  name: '',
  /** The newest state, and the revision it belongs to. */
  state: null,
  revision: -1,
  /** What can be done, what cannot and why. It counts while its revision is the state's; a watcher has none. */
  offers: null,
  /** What is known of the stars; it may be older than the state for a moment. */
  map: null,
  /** The game's content: names, descriptions, figures. */
  content: null,
  /** The connection: `{status, via, detail, wait}` (`live.js`). */
  link: { status: 'connecting' },

  // The history.

  /** Turns by revision. */
  turns: new Map(),
  /** The lowest revision that is wanted, and the highest that is known of. */
  from: 1,
  head: 0,
  /** The history is being read. */
  filling: false,
  /** The turn whose outcome the place tells. */
  last: null,

  // What the player is doing.

  /** The action that is on its way: `{action, slow, detail, wait}`. */
  busy: null,
  /** Until when nothing is answered because the scene has just come up, in the page's milliseconds. */
  unreadUntil: 0,
  /** Ends that the player has accepted as a risk in this fight. */
  dared: new Set(),

  // What views remember.

  /** What is chosen: `goods` in the market, `fit` among the ship's parts. */
  chosen: {},
  /** How many of something, by what it is. */
  amounts: {},
  /** Lines of the log that are shown. */
  logShown: 60,
  /** The place or region that is chosen on the map. */
  picked: null,
  /** The corner where the card of the chosen place lies; null: the usual one. */
  corner: null,
  /** What the map shows: the middle and the width, in map units: `{x, y, span}`. */
  camera: null,
  /** The region the camera was set up for, and how many places it had then. */
  cameraOf: null,
  cameraSize: null,
  /** The player has moved the camera themselves: it stays where it is. */
  moved: false,
})

/** The game. Empty until one is open. Sealed, so that a field which is not declared above is an error. */
export const game = Object.seal(closed())

/** The game is closed. */
export function reset() {
  Object.assign(game, closed())
}

/** The server has an older game than this page: it was brought back from a copy. What the server has counts. */
export function rewind() {
  const { revision, offers, map, turns, from, head, last } = closed()
  Object.assign(game, { revision, offers, map, turns, from, head, last })
}

let wanted = false
const listeners = new Set()
export const listen = (hear) => listeners.add(hear)

/** Something has changed: the page is drawn anew, once, in the next frame. */
export function changed() {
  if (wanted) return
  wanted = true
  requestAnimationFrame(() => {
    wanted = false
    for (const hear of listeners) hear()
  })
}

let toastKey = 0
/** Tells people something, for a while. */
export function toast(text, tone = 'plain', seconds = 7) {
  const one = { text, tone, key: (toastKey += 1) }
  ui.toasts = [...ui.toasts.filter((other) => other.text !== text).slice(-2), one]
  setTimeout(() => {
    ui.toasts = ui.toasts.filter((other) => other !== one)
    changed()
  }, seconds * 1000)
  changed()
}

/** Tells screen readers. */
export function say(text) {
  ui.said = text
  changed()
}

/** The game has a revision: the history reaches as far. */
export function reach(revision) {
  game.head = Math.max(game.head, revision)
}

/** Adds a turn to the history. What the server has recorded, with its time, replaces what only its answer said. */
export function addTurn(turn) {
  if (!game.turns.get(turn.revision)?.at) game.turns.set(turn.revision, turn)
  reach(turn.revision)
}

/** Shows more lines of the log. Answers whether older turns are wanted for that. */
export function showEarlier(lines) {
  game.logShown += lines
  const first = game.head - game.logShown
  if (first >= game.from) return false
  game.from = Math.max(1, first)
  return true
}

/** Chooses something in a view: `goods` or `fit`. */
export function choose(what, id) {
  if (game.chosen[what] === id) return
  game.chosen[what] = id
  changed()
}

/** Chooses a place or a region on the map, or none. */
export function choosePlace(id) {
  game.picked = id
  game.corner = null
}

/** Moves the card of the chosen place to a corner. */
export function moveCard(corner) {
  game.corner = corner
  changed()
}

export function sameAction(one, other) {
  const keys = Object.keys(one)
  return keys.length === Object.keys(other).length && keys.every((key) => one[key] === other[key])
}

const matches = (action, type, fields) =>
  action.type === type && Object.keys(fields).every((key) => action[key] === fields[key])

/** The offer or refusal of an action: `{offer}`, `{refused}`, or neither. Quantities do not count. */
export function find(type, fields = {}) {
  const offer = game.offers?.offered.find(({ action }) => matches(action, type, fields))
  if (offer) return { action: offer.action, offer }
  const refused = game.offers?.refused.find(({ action }) => matches(action, type, fields))
  return refused ? { action: refused.action, refused } : {}
}

export const all = (type) => [
  ...(game.offers?.offered ?? [])
    .filter(({ action }) => action.type === type)
    .map((offer) => ({ action: offer.action, offer })),
  ...(game.offers?.refused ?? [])
    .filter(({ action }) => action.type === type)
    .map((refused) => ({ action: refused.action, refused })),
]

export function nodeById(id) {
  for (const region of game.map?.regions ?? []) {
    const node = region.nodes.find((each) => each.id === id)
    if (node) return { node, region }
  }
  return {}
}

export const regionById = (id) => game.map?.regions.find((region) => region.id === id)

/** Where work leads now: to its place; when it is done, to whoever pays for it; null where every dock pays. */
export const goalOf = (quest) =>
  !quest.done || quest.kind === 'delivery' ? quest.target_node_id : quest.kind === 'rescue' ? quest.giver_node_id : null

/** What a state asks of the player: a question, a fight, the end, or nothing in particular. */
const scene = (state) =>
  state.game_over ? 'end' : state.current_event ? `asks ${state.current_event.text}` : state.combat ? 'fight' : ''

/** Milliseconds in which nobody has read what came up: whatever is pressed then was meant for what stood there before. */
export const UNREAD = 400
export const unread = () => performance.now() < game.unreadUntil

/** Takes no answers to a scene that is new, for a moment. */
export function shield(before, after) {
  if (scene(before) === scene(after)) return
  game.unreadUntil = performance.now() + UNREAD
  setTimeout(changed, UNREAD + 20)
}
