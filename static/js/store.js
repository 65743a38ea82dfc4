// What the page knows, and who wants to hear when that changes. One game at a time.

/** The page. */
export const ui = {
  route: { view: 'start', parts: [] },
  /** A dialog over everything: help, settings, saves, or a question. */
  dialog: null,
  /** Sentences for people: `{text, tone, key}`. */
  toasts: [],
  /** What screen readers are told. */
  said: '',
  wide: matchMedia('(min-width: 62rem)'),
}

/** The player, as the start page shows him. */
export const player = {
  sessions: null,
  slots: null,
  slotsProblem: null,
  problem: null,
  challenge: null,
  board: null,
  busy: false,
}

/** The game. Empty until one is open. */
export const game = {}

export function reset() {
  for (const name of Object.keys(game)) delete game[name]
  Object.assign(game, {
    id: null,
    watch: null,
    name: '',
    state: null,
    revision: -1,
    offers: null,
    map: null,
    content: null,
    /** The history by revision; the lowest revision from which on all of it is here; the highest that is known of. */
    turns: new Map(),
    from: 1,
    head: 0,
    filling: false,
    link: { status: 'connecting' },
    busy: null,
    refused: null,
    last: null,
    problem: null,
    /** What views remember: what is chosen where, and how many of it. */
    chosen: {},
    amounts: {},
    camera: null,
    picked: null,
    logShown: 60,
    ended: false,
    /** Until when what has just come up is not answered, in the page's milliseconds; and dangers that were looked in the eye. */
    unreadUntil: 0,
    dared: new Set(),
  })
}
reset()

let wanted = false
const listeners = new Set()
export const listen = (hear) => listeners.add(hear)

/** Something has changed: the page is drawn anew, once, when it is looked at. */
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

export function addTurn(turn) {
  const known = game.turns.get(turn.revision)
  if (!known || !known.at) game.turns.set(turn.revision, turn)
  if (turn.revision > game.head) game.head = turn.revision
}

/** Keeps the log small enough to hold: the oldest of very long ones are asked for again when they are wanted. */
export const MOST_TURNS = 12000

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
/** Where work leads now: to its place; done, to who pays for it; null where every dock does. */
export const goalOf = (quest) =>
  !quest.done || quest.kind === 'delivery' ? quest.target_node_id : quest.kind === 'rescue' ? quest.giver_node_id : null

/** What a state asks of the player: a question, a fight, the end, or nothing in particular. */
const scene = (state) =>
  state.game_over ? 'end' : state.current_event ? `asks ${state.current_event.text}` : state.combat ? 'fight' : ''

/** Nobody has read a thing that came up so few milliseconds ago: whatever is pressed was meant for what stood there before. */
export const UNREAD = 400
export const unread = () => performance.now() < game.unreadUntil

/** Keeps hands off a scene that is new. */
export function shield(before, after) {
  if (scene(before) === scene(after)) return
  game.unreadUntil = performance.now() + UNREAD
  setTimeout(changed, UNREAD + 20)
}

export const regionById = (id) => game.map?.regions.find((region) => region.id === id)
