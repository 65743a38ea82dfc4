// The player: what they have on this server, and whether this browser is known there.

import { get, HOME, post, Problem } from './api.js'
import { changed, player, toast, ui } from './store.js'
import { refusal } from './words.js'

/** Asks what the player has: games, saves, the challenge of the day. A browser that nobody has played in asks for no games. */
export async function loadPlayer() {
  try {
    const { sessions } = known() ? await get('api/sessions') : { sessions: [] }
    if (sessions.length) remember()
    player.sessions = sessions.sort((a, b) => (a.last_activity < b.last_activity ? 1 : -1))
    player.problem = null
    if (sessions.length || (player.slots && known())) await readSlots()
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem
    player.sessions ??= []
    player.problem = problem.code === 'TOKEN_REQUIRED' ? null : problem
    // A hidden page asks nothing; it asks at once when it is seen again (`main.js`).
    if (problem.status === 0) setTimeout(() => ui.route.view === 'start' && !document.hidden && loadPlayer(), 4000)
  }
  changed()
  if (!player.challenge || Date.now() >= Date.parse(player.challenge.ends_at)) {
    try {
      player.challenge = (await get('api/challenge')) ?? false
    } catch {
      // A server without challenges has games all the same.
      player.challenge = false
    }
    changed()
  }
  if (!player.content) {
    try {
      player.content = await get('api/content')
    } catch {
      // The choice of a difficulty then names no sums; the game itself does.
    }
    changed()
  }
}

/** Reads the player's saves. */
export async function readSlots() {
  player.slots = (await get('api/slots')).slots
  player.slotsProblem = null
}

/** The port is in the name, because a browser has one jar of cookies for all ports of a host. */
const KNOWN = `explorer-known-${HOME.port}=yes`
/** The same, as earlier versions of this page wrote it. */
const KNOWN_BEFORE = 'explorer-known=yes'
/** Whether this browser may have games: otherwise it need not ask. It is a cookie like the token, which scripts cannot see. */
export const known = () => document.cookie.split('; ').some((each) => each === KNOWN || each === KNOWN_BEFORE)
/** This browser has games from now on. */
export function remember() {
  document.cookie = `${KNOWN}; Path=${HOME.pathname}; Max-Age=${90 * 24 * 3600}; SameSite=Lax`
}

/** The browser's token is no longer good. Only the server can take it out of the browser. */
export async function forget() {
  try {
    await post('api/logout')
  } catch {
    // The refusal takes the token away too.
  }
  player.problem = null
  player.sessions = []
  player.slots = null
  toast('This browser begins anew.', 'plain')
  await loadPlayer()
}

/** Reads the leaderboard that `player.boardOf` names. */
export async function loadBoard() {
  player.board = { loading: true }
  changed()
  try {
    const { difficulty, date } = player.boardOf
    const query = new URLSearchParams({ difficulty })
    if (date) query.set('date', date)
    player.board = await get(`api/leaderboard?${query}`)
  } catch (problem) {
    player.board = { problem: refusal(problem) }
  }
  changed()
}
