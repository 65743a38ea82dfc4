// The connection to a game: a WebSocket; where that does not get through, an event stream; where neither does, questions every few
// seconds. It comes back by itself and says where it stopped, so that nothing is missed; and it says in one word how things are.
//
// connecting, live, offline (comes back by itself), replaced (another tab plays), denied, unknown, expired (do not come back).

import { at, call, get, Problem } from './api.js'
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
/** The server is heard every ten seconds; this is two that did not come. */
const SILENCE = 27000
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
      // Another network may let through what the last one did not.
      this.failures = 0
      this.wake()
    }
    this.lost = () => {
      if (this.over) return
      this.drop()
      // A server on this very device is there all the same.
      this.later('This device is offline.')
    }
    this.seen = () => {
      if (document.hidden) return
      // Who asks every few seconds tries for better whenever somebody comes back to look.
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

  /** Whatever is open is closed, and no longer listened to. */
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
    const query = new URLSearchParams()
    if (this.previous) query.set('previous', this.previous)
    if (this.last) query.set('last_event_id', this.last)
    if (takeover) query.set('takeover', 'true')
    return query
  }

  open(takeover = false) {
    this.drop()
    this.say('connecting')
    // A watcher's token goes into a header: the browser may have the cookie of a player too, which would count first.
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
      // What was refused at the handshake is not told to pages; asking tells.
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

  /** The watchdog: who is not heard for so long is gone. */
  listen(gone) {
    clearTimeout(this.watchdog)
    this.watchdog = setTimeout(() => {
      gone()
      // A dead line may take its time to say so.
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
      // Not recovered: what happened meanwhile is only in the state.
      if (!frame.recovered) this.last = frame.head
      this.say('live')
    }
    if (frame.type === 'turn') this.last = frame.id
    if (frame.type === 'replaced') return this.finish('replaced')
    if (frame.type === 'expired') return this.finish('expired', undefined, frame)
    this.hear(frame)
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
      // It ended; below is what follows.
    } finally {
      clearTimeout(late)
    }
    if (turn !== this.turn || this.over) return
    if (greeted) {
      // The next one may be another network: a socket is tried once more before the stream.
      this.failures = Math.min(this.failures, ENOUGH - 1)
      return this.later('The connection was lost.')
    }
    const reason = await this.ask()
    if (turn !== this.turn || this.over) return
    if (reason?.final) return this.finish(reason.final, reason.detail, reason.frame)
    if (reason) return this.later(reason.detail, reason.wait)
    this.poll(turn)
  }

  /** The last resort: the state, every few seconds, while somebody looks. */
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
