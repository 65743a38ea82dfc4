// The connection to a game: a WebSocket; where that does not get through, an event stream; where neither does, polling. It reconnects by
// itself and says which turn it heard last, so that nothing is missed. Its status is one word:
//
// connecting, live, offline (it reconnects by itself), replaced (another tab plays), and for good: denied, unknown, expired, damaged, left.

import { at, call, get, Problem } from './api.js'
import { patched } from './patch.js'
import { refusal } from './words.js'

const FINAL = { 4000: 'left', 4401: 'denied', 4404: 'unknown', 4409: 'replaced', 4410: 'expired' }
const BY_CODE = {
  TOKEN_INVALID: 'denied',
  TOKEN_REQUIRED: 'denied',
  OBSERVER_ONLY: 'denied',
  SESSION_NOT_FOUND: 'unknown',
  SESSION_EXPIRED: 'expired',
  REPLACED: 'replaced',
  SESSION_DAMAGED: 'damaged',
}
/** Milliseconds without a sign of the server, which pings every ten seconds: two did not come. */
const SILENCE = 27000
/** The longest wait before the next attempt, and the time between two polls, in milliseconds. */
const LONGEST = 30000
const POLL = 4000
/** Sockets that fail before an event stream is tried. */
const ENOUGH = 3

export class Live {
  /** `hear` gets frames, `show` how the connection is: `{status, via, detail, wait}`. */
  constructor({ id, token, hear, show }) {
    Object.assign(this, { id, token, hear, show })
    this.delay = 1000
    this.failures = 0
    this.turn = 0
    this.wake = () => {
      if (!this.over && this.status === 'offline') this.open()
    }
    this.online = () => {
      // Another network may let sockets through.
      this.failures = 0
      this.wake()
    }
    this.lost = () => {
      if (this.over) return
      this.drop()
      // A server on this device answers all the same.
      this.later('This device is offline.')
    }
    this.seen = () => {
      if (document.hidden) return
      // A polling page tries for a socket again when somebody looks at it again.
      if (this.via === 'polling' && this.status === 'live') this.open()
      else this.wake()
    }
    addEventListener('online', this.online)
    addEventListener('offline', this.lost)
    document.addEventListener('visibilitychange', this.seen)
    this.open()
  }

  say(status, more = {}) {
    this.status = status
    this.show({ status, via: this.via, ...more })
  }

  /** Takes the game over from another tab. */
  takeOver() {
    this.over = false
    this.delay = 1000
    this.open(true)
  }

  close() {
    this.end()
    removeEventListener('online', this.online)
    removeEventListener('offline', this.lost)
    document.removeEventListener('visibilitychange', this.seen)
  }

  end() {
    this.over = true
    this.drop()
  }

  /** Closes whatever is open, and no longer listens to it. */
  drop() {
    this.turn += 1
    clearTimeout(this.timer)
    clearTimeout(this.watchdog)
    if (this.socket) {
      this.socket.onclose = this.socket.onmessage = this.socket.onopen = null
      this.socket.close()
      this.socket = null
    }
    this.abort?.abort()
    this.abort = null
  }

  query(takeover) {
    const query = new URLSearchParams({ state: 'patch' })
    if (this.previous) query.set('previous', this.previous)
    if (this.last) query.set('last_event_id', this.last)
    if (takeover) query.set('takeover', 'true')
    return query
  }

  open(takeover = false) {
    this.drop()
    this.say('connecting')
    // A watcher's token goes into a header, which a socket cannot send: otherwise a player's cookie in this browser would count.
    if (this.token || this.failures >= ENOUGH || typeof WebSocket === 'undefined')
      return this.stream(takeover, this.turn)
    const query = this.query(takeover)
    query.set('session_id', this.id)
    // http becomes ws, https wss.
    const mine = (this.socket = new WebSocket(at(`ws?${query}`).replace(/^http/, 'ws')))
    let greeted = false
    this.listen(() => mine.close())
    mine.onmessage = ({ data }) => {
      const frame = JSON.parse(data)
      this.listen(() => mine.close())
      if (frame.type === 'ping') return mine.send('{"type":"pong"}')
      if (frame.type === 'hello') {
        greeted = true
        this.failures = 0
        this.via = 'socket'
      }
      this.take(frame)
    }
    mine.onclose = async ({ code }) => {
      this.socket = null
      const turn = this.turn
      if (FINAL[code]) return this.finish(FINAL[code])
      if (greeted) return this.later(code === 1001 ? 'The server is being restarted.' : 'The connection was lost.')
      // Browsers do not tell pages why a handshake was refused; a request tells.
      const reason = await this.ask()
      if (turn !== this.turn || this.over) return
      if (reason?.final) return this.finish(reason.final, reason.detail, reason.frame)
      if (!reason) {
        this.failures += 1
        if (this.failures >= ENOUGH) return this.open(takeover)
      }
      this.later(reason?.detail, reason?.wait)
    }
  }

  /** The watchdog: a server that is silent for so long is gone. */
  listen(gone) {
    clearTimeout(this.watchdog)
    this.watchdog = setTimeout(() => {
      gone()
      // A dead connection may take long to close.
      if (!this.over) {
        this.drop()
        this.later('The connection went quiet.')
      }
    }, SILENCE)
  }

  async ask() {
    try {
      await get(`api/sessions/${this.id}`, this.token)
      return null
    } catch (problem) {
      if (!(problem instanceof Problem)) throw problem
      const { code, more, wait } = problem
      return { final: BY_CODE[code], detail: refusal(problem), frame: more, wait: wait && wait * 1000 }
    }
  }

  take(frame) {
    if (frame.type === 'hello') {
      this.delay = 1000
      this.previous = frame.connection
      // Not recovered: the turns in between do not come, and the state has what they did.
      if (!frame.recovered) this.last = frame.head
      this.say('live')
    }
    if (frame.patch) frame.state = patched(this.state, frame.patch)
    this.state = frame.state ?? this.state
    if (frame.type === 'turn') this.last = frame.id
    if (frame.type === 'replaced') return this.finish('replaced')
    if (frame.type === 'expired') return this.finish('expired', undefined, frame)
    this.hear(frame)
  }

  /** Whether states come by themselves, as soon as there are any. */
  get flows() {
    return this.status === 'live' && this.via !== 'polling'
  }

  finish(status, detail, frame) {
    this.end()
    this.say(status, { detail, frame })
  }

  later(detail = 'The server cannot be reached.', least = 0) {
    if (this.over) return
    clearTimeout(this.watchdog)
    const wait = Math.max(least, this.delay * (0.8 + 0.4 * Math.random()))
    this.delay = Math.min(2 * this.delay, LONGEST)
    this.say('offline', { detail, wait })
    this.timer = setTimeout(() => this.open(), wait)
  }

  async stream(takeover, turn) {
    const abort = (this.abort = new AbortController())
    const headers = { Accept: 'text/event-stream' }
    if (this.token) headers.Authorization = `Bearer ${this.token}`
    let greeted = false
    const late = setTimeout(() => abort.abort(), 8000)
    try {
      const path = `api/sessions/${this.id}/events?${this.query(takeover)}`
      const response = await fetch(at(path), { headers, signal: abort.signal, cache: 'no-store' })
      if (!response.ok) {
        const problem = await response.json().catch(() => ({}))
        if (turn !== this.turn) return
        if (BY_CODE[problem.code]) return this.finish(BY_CODE[problem.code], refusal(problem), problem)
        return this.later(refusal(problem), (problem.retry_after ?? 0) * 1000)
      }
      const reader = response.body.pipeThrough(new TextDecoderStream()).getReader()
      let rest = ''
      for (;;) {
        const { value, done } = await reader.read()
        if (turn !== this.turn) return
        if (done) break
        this.listen(() => abort.abort())
        const blocks = (rest + value).split('\n\n')
        rest = blocks.pop()
        for (const block of blocks) {
          const data = block
            .split('\n')
            .filter((line) => line.startsWith('data:'))
            .map((line) => line.slice(5).trimStart())
          if (!data.length) continue
          const frame = JSON.parse(data.join('\n'))
          if (frame.type === 'hello') {
            clearTimeout(late)
            greeted = true
            this.via = 'stream'
          }
          this.take(frame)
          if (turn !== this.turn) return
        }
      }
    } catch {
      // The stream has ended; what follows stands below.
    } finally {
      clearTimeout(late)
    }
    if (turn !== this.turn || this.over) return
    if (greeted) {
      // The network may be another one next time: a socket is tried once before the stream.
      this.failures = Math.min(this.failures, ENOUGH - 1)
      return this.later('The connection was lost.')
    }
    const reason = await this.ask()
    if (turn !== this.turn || this.over) return
    if (reason?.final) return this.finish(reason.final, reason.detail, reason.frame)
    if (reason) return this.later(reason.detail, reason.wait)
    this.poll(turn)
  }

  /** The last resort: asks for the state every few seconds, while somebody looks. */
  async poll(turn) {
    this.via = 'polling'
    let tag
    for (;;) {
      if (!document.hidden) {
        try {
          const headers = tag ? { 'If-None-Match': tag } : {}
          const { text, response } = await call(`api/sessions/${this.id}`, { headers, token: this.token, text: true })
          if (turn !== this.turn) return
          tag = response.headers.get('ETag')
          if (this.status !== 'live') this.say('live')
          this.hear({ type: 'state', ...JSON.parse(text) })
        } catch (problem) {
          if (turn !== this.turn) return
          if (problem.status !== 304) {
            if (BY_CODE[problem.code]) return this.finish(BY_CODE[problem.code], refusal(problem), problem.more)
            return this.later(refusal(problem), (problem.wait ?? 0) * 1000)
          }
        }
      }
      await new Promise((done) => (this.timer = setTimeout(done, POLL)))
      if (turn !== this.turn || this.over) return
    }
  }
}
