// Calls of the API. Every failure is a `Problem` with the server's sentence in `detail`.

/** Where the page lives: this module's own address, without its folder. Behind a proxy that may be below a path. */
export const HOME = new URL('..', import.meta.url)
/** The whole address of a path on the server: `at('api/sessions')`. */
export const at = (path) => new URL(path, HOME).href

export class Problem extends Error {
  constructor({ status = 0, code = 'OFFLINE', detail, retry_after: wait, ...more }) {
    super(detail)
    Object.assign(this, { status, code, detail, wait, more })
  }

  /** Whether the same request may succeed later: the server did not hear it, or cannot take it just now. */
  get passes() {
    return (
      this.status === 0 ||
      this.status === 429 ||
      this.status === 502 ||
      this.status === 503 ||
      this.status === 504 ||
      this.code === 'KEY_IN_PROGRESS' ||
      this.code === 'BODY_TIMEOUT'
    )
  }
}

const offline = () => new Problem({ detail: 'The server cannot be reached.' })

/** `GET`, or whatever `method` says; the answer's JSON. */
export async function call(path, { method = 'GET', body, headers = {}, token, seconds = 15, text = false } = {}) {
  const options = { method, headers: { Accept: 'application/json', ...headers }, credentials: 'same-origin' }
  if (token) options.headers.Authorization = `Bearer ${token}`
  if (body !== undefined) {
    options.body = typeof body === 'string' ? body : JSON.stringify(body)
    options.headers['Content-Type'] = 'application/json'
  }
  options.signal = AbortSignal.timeout(seconds * 1000)
  let response, answer
  try {
    response = await fetch(at(path), options)
    answer = await response.text()
  } catch {
    throw offline()
  }
  if (response.ok) {
    if (text) return { text: answer, response }
    return answer ? JSON.parse(answer) : null
  }
  let problem = {}
  try {
    problem = JSON.parse(answer)
  } catch {
    // The answer is a proxy's, in a form of its own.
  }
  throw new Problem({
    detail: `The server answered ${response.status}.`,
    code: 'UNKNOWN',
    ...problem,
    status: response.status,
  })
}

export const get = (path, token) => call(path, { token })
export const post = (path, body = {}, more = {}) => call(path, { method: 'POST', body, ...more })

/** A key that no other request has. Browsers have no `randomUUID` on a page that came over plain HTTP from another machine. */
export function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

const sleep = (ms) => new Promise((done) => setTimeout(done, ms))

/** Sends something that must be done once, and repeats it under the same key until an answer comes. `again` hears of each failure, and
 *  ends it with false. */
export async function insist(path, { key = freshKey(), headers = {}, body, again }) {
  for (let tries = 0; ; tries += 1) {
    try {
      return await post(path, body, { headers: { ...headers, 'Idempotency-Key': key }, seconds: 10 })
    } catch (problem) {
      if (!(problem instanceof Problem) || !problem.passes) throw problem
      const wait = Math.min(15000, problem.wait ? problem.wait * 1000 : 400 * 2 ** Math.min(tries, 5))
      if (again(problem, wait, tries) === false) throw problem
      await Promise.race([sleep(wait), new Promise((done) => addEventListener('online', done, { once: true }))])
    }
  }
}
