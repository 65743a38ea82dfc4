// The open game: opens it, listens to it, and sends the player's actions.

import { call, get, insist, Problem, freshKey } from './api.js'
import { Live } from './live.js'
import { playOutcome } from './sound.js'
import {
  addTurn,
  changed,
  choosePlace,
  find,
  game,
  reach,
  reset,
  rewind,
  say,
  shield,
  toast,
  ui,
  unread,
} from './store.js'
import { describe, endOf, refusal, word } from './words.js'

let live
/** Whoever waits for a state: the revision, and what to call then. */
let awaited = null
const bundles = new Map()
/** Milliseconds in which a state should have come over the connection, before it is asked for. */
const OVERDUE = 1000
/** The storage key of the action that is on its way, kept while the tab is open. */
const PENDING = 'cosmic.pending'
/** The most turns that are read at once; the log asks for older ones when it gets there. */
const MOST_TURNS = 12000

/** Opens a game; with a token, to watch it. */
export async function open(id, watch = null) {
  if (game.id === id && game.watch === watch) return
  close()
  game.id = id
  game.watch = watch
  changed()
  const mine = () => game.id === id && game.watch === watch
  live = new Live({
    id,
    token: watch,
    hear: (frame) => mine() && hear(frame),
    show: (link) => mine() && showLink(link),
  })
  if (!watch) repeatPending(id)
  if (!watch) {
    try {
      const { sessions } = await get('api/sessions')
      if (mine()) game.name = sessions.find((each) => each.session_id === id)?.name ?? ''
    } catch {
      // The game is shown without its name; the connection tells what is wrong.
    }
    changed()
  }
}

export function close() {
  live?.close()
  live = null
  reset()
}

export const takeOver = () => live?.takeOver()
export const retry = () => live?.open()

function showLink(link) {
  const before = game.link.status
  game.link = link
  if (link.status === 'live' && before !== 'live') {
    freshen()
    if (game.state) fill()
  }
  if (link.status !== before) say(word.link(link))
  changed()
}

async function hear(frame) {
  if (frame.type === 'hello') {
    if (!frame.recovered && frame.revision < game.revision) rewind()
    reach(frame.revision)
    if (!frame.recovered) fill()
    await take(frame.revision, frame.state)
  } else if (frame.type === 'turn') {
    const fresh = !game.turns.has(frame.revision)
    addTurn(frame)
    // Not this page's own turn: another device took it, or this page before the connection dropped.
    if (fresh && frame.revision > game.revision && game.state) tell(frame)
    changed()
  } else if (frame.type === 'state') {
    const more = game.state && frame.revision > game.head
    reach(frame.revision)
    if (more) fill()
    await take(frame.revision, frame.state)
  }
}

/** Takes a state, if it is newer than the one that is known. */
async function take(revision, state) {
  const whole = game.offers?.revision === revision && game.content?.hash === state.content
  if (revision < game.revision || (revision === game.revision && game.state && whole)) return
  const first = !game.state
  const before = game.state
  if (before) shield(before, state)
  game.revision = revision
  game.state = state
  if (awaited && revision >= awaited.revision) awaited.come()
  if (first) {
    reach(revision)
    game.from = Math.max(1, revision - 59)
    fill()
  }
  if (before && before.current_node_id !== state.current_node_id) choosePlace(null)
  changed()
  await freshen()
}

/** Asks for what the page shows beside the state, where that is older than the state. A hidden page asks when it is seen again. */
export async function freshen() {
  const old = game.map?.revision !== game.revision || (!game.watch && game.offers?.revision !== game.revision)
  if (!game.state || document.hidden) return
  if (game.content?.hash !== game.state.content) await loadContent(game.state.content)
  if (old) await refresh()
}

async function loadContent(hash) {
  try {
    if (!bundles.has(hash)) bundles.set(hash, await get(`api/content/${hash}`))
    if (game.state?.content === hash) game.content = bundles.get(hash)
  } catch (problem) {
    fail(problem)
    if (problem.passes) setTimeout(() => game.state?.content === hash && freshen(), 1500)
  }
  changed()
}

let refreshing = null
/** Asks for the map, and for the player what can be done. */
function refresh() {
  const { id, watch, revision } = game
  const asked = `${id} ${revision}`
  if (refreshing?.asked === asked) return refreshing.done
  const done = (async () => {
    const mine = () => game.id === id && game.watch === watch
    try {
      const [offers, map] = await Promise.all([
        watch ? null : get(`api/sessions/${id}/actions`),
        get(`api/sessions/${id}/map`, watch),
      ])
      if (!mine()) return
      if (offers && offers.revision >= (game.offers?.revision ?? -1)) game.offers = offers
      if (!game.state?.combat) game.dared.clear()
      if (map.revision >= (game.map?.revision ?? -1)) game.map = map
    } catch (problem) {
      if (mine()) fail(problem, true)
      // While the connection stands, nothing else asks again.
      if (mine() && problem.passes) setTimeout(() => mine() && game.link.status === 'live' && refresh(), 1500)
    } finally {
      if (refreshing?.asked === asked) refreshing = null
      changed()
    }
  })()
  refreshing = { asked, done }
  return done
}

/** Reads the turns that the history lacks, from `game.from` to its head, a hundred at a time. */
export async function fill() {
  if (game.filling) return
  const { id, watch } = game
  game.filling = true
  try {
    for (let rounds = 0; rounds < MOST_TURNS / 100; rounds += 1) {
      if (game.id !== id) return
      let gap = Math.max(1, game.from)
      while (gap <= game.head && game.turns.get(gap)?.at) gap += 1
      if (gap > game.head) break
      const page = await get(`api/sessions/${id}/turns?after=${gap - 1}&limit=100`, watch)
      if (game.id !== id) return
      for (const turn of page.turns) addTurn(turn)
      changed()
      if (!page.turns.length) break
    }
  } catch (problem) {
    if (game.id === id) fail(problem, true)
    if (game.id === id && problem.passes)
      setTimeout(() => game.id === id && game.link.status === 'live' && fill(), 3000)
  } finally {
    if (game.id === id) game.filling = false
    changed()
  }
}

function fail(problem, quiet = false) {
  if (!(problem instanceof Problem)) throw problem
  if (problem.passes && quiet) return
  toast(refusal(problem), 'danger')
}

function tell(turn) {
  if (!turn.outcome) return
  game.last = turn
  say(turn.outcome.message)
  playOutcome(turn.outcome.events)
}

const keep = (pending) => {
  try {
    if (pending) sessionStorage.setItem(PENDING, JSON.stringify(pending))
    else sessionStorage.removeItem(PENDING)
  } catch {
    // Without storage the action is not sent again after a reload; the state tells whether it was taken.
  }
}

/** Sends an action again whose answer had not come when the page was closed. Its key is the same: it is taken once. */
function repeatPending(id) {
  let pending
  try {
    pending = JSON.parse(sessionStorage.getItem(PENDING) ?? 'null')
  } catch {
    return
  }
  if (pending?.id === id) send(pending)
}

/** Takes an action, one at a time. Before one that can end the voyage it asks; in a fight only once, because every round can. */
export async function act(action, sure = false) {
  if (
    game.busy ||
    game.watch ||
    !game.state ||
    game.link.status === 'replaced' ||
    game.offers?.revision !== game.revision ||
    unread()
  )
    return false
  const { amount: _, quantity: __, type, ...fields } = action
  const { offer } = find(type, fields)
  if (offer?.may_end && !sure && !game.dared.has(offer.may_end)) {
    ui.dialog = {
      name: 'ask',
      title: 'This can end the voyage',
      text: `${describe(action).text}: ${endOf(offer)}`,
      yes: 'Do it all the same',
      run: () => {
        if (game.state?.combat) game.dared.add(offer.may_end)
        act(action, true)
      },
    }
    changed()
    return false
  }
  return send({ id: game.id, action, revision: game.revision, key: freshKey() })
}

async function send(pending) {
  const { id, action, revision, key } = pending
  game.busy = { action, slow: false }
  keep(pending)
  changed()
  try {
    const answer = await insist(`api/sessions/${id}/actions`, {
      key,
      body: action,
      // Where states flow, the answer has none: the connection tells what has changed.
      headers: { 'If-Match': `"${revision}"`, ...(live.flows ? { Prefer: 'return=minimal' } : {}) },
      again: (problem, wait) => {
        if (game.id !== id) return false
        game.busy = { action, slow: true, detail: refusal(problem), wait }
        changed()
        return true
      },
    })
    if (game.id !== id) return false
    keep(null)
    const turn = { revision: answer.revision, action, outcome: answer.outcome }
    addTurn(turn)
    // The connection may have told of this turn first.
    if (game.last?.revision !== turn.revision) tell(turn)
    if (!answer.state) await comes(answer.revision)
    if (game.id !== id) return false
    game.busy = null
    // The answer has the newest state, which is a later one if more has happened since.
    if (answer.state) await take(Math.max(answer.revision, game.revision), answer.state)
    else await freshen()
    return true
  } catch (problem) {
    if (game.id !== id) return false
    if (!(problem instanceof Problem)) throw problem
    keep(null)
    game.busy = null
    if (problem.code === 'STALE_REVISION') {
      toast('The game has gone on meanwhile. Look again, then decide.', 'plain')
      await reload()
    } else {
      toast(refusal(problem), 'danger')
      await refresh()
    }
    return false
  } finally {
    changed()
  }
}

/** Waits for a state that the connection is about to tell, and asks for it where it does not come. */
async function comes(revision) {
  if (game.revision >= revision) return
  const { id } = game
  const late = await new Promise((done) => {
    const timer = setTimeout(() => done(true), OVERDUE)
    awaited = { revision, come: () => (clearTimeout(timer), done(false)) }
  })
  awaited = null
  if (late && game.id === id) await reload()
}

/** Asks for the state anew. */
async function reload() {
  const { id, watch } = game
  try {
    const answer = await get(`api/sessions/${id}`, watch)
    if (game.id !== id) return
    if (answer.revision < game.revision) rewind()
    reach(answer.revision)
    await take(answer.revision, answer.state)
    fill()
  } catch (problem) {
    fail(problem)
  }
}

/** A save was loaded into this game: what was told last belongs to the game before. */
export async function afterLoad() {
  game.last = null
  await reload()
}

export async function rename(name) {
  await call(`api/sessions/${game.id}`, { method: 'PATCH', body: { name } })
  game.name = name
  changed()
}
