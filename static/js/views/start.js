// The start page: go on, begin, fetch a save, see who did best, learn how to play.

import { shipArt, stars } from '../art.js'
import { call, get, post, Problem } from '../api.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { ask, button } from '../parts.js'
import { changed, player, toast, ui } from '../store.js'
import { ENDS, many, number, since } from '../words.js'

const form = { name: '', difficulty: 'normal', seed: '', daily: false, permadeath: false }
let content = null

/** Asks who the player is and what he has. A stranger is one who has nothing yet. */
export async function loadPlayer() {
  try {
    const { sessions } = known() ? await get('/api/sessions') : { sessions: [] }
    if (sessions.length) remember()
    player.sessions = sessions.sort((a, b) => (a.last_activity < b.last_activity ? 1 : -1))
    player.problem = null
    if (sessions.length || player.slots) await readSlots()
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem
    player.sessions ??= []
    player.problem = problem.code === 'TOKEN_REQUIRED' ? null : problem
    // While nobody looks nothing is asked; who comes back to look asks at once.
    if (problem.status === 0) setTimeout(() => ui.route.view === 'start' && !document.hidden && loadPlayer(), 4000)
  }
  changed()
  if (!player.challenge || Date.now() >= Date.parse(player.challenge.ends_at)) {
    try {
      player.challenge = (await get('/api/challenge')) ?? false
    } catch {
      // A server without challenges has a game all the same.
      player.challenge = false
    }
    changed()
  }
  if (!content) {
    try {
      content = await get('/api/content')
    } catch {
      // The sums are told by the game itself.
    }
    changed()
  }
}

export async function readSlots() {
  player.slots = (await get('/api/slots')).slots
  player.slotsProblem = null
}

const KNOWN = 'explorer-known=yes'
/** Whether this browser may have games: a stranger need not ask. It is a cookie like the token, which scripts cannot see: good for
 *  every port and scheme of this host. Another server of the host may have set it: then the answer is that no token came. */
export const known = () => document.cookie.split('; ').includes(KNOWN)
export function remember() {
  document.cookie = `${KNOWN}; Path=/; Max-Age=${90 * 24 * 3600}; SameSite=Lax`
}

async function begin() {
  if (player.busy) return
  if (form.daily && Date.now() >= Date.parse(player.challenge.ends_at)) {
    toast('A new day has begun, with a challenge of its own.')
    return loadPlayer()
  }
  player.busy = true
  changed()
  const body = { difficulty: form.difficulty }
  if (form.name.trim()) body.name = form.name.trim()
  if (form.daily) body.challenge = 'daily'
  else if (form.seed.trim() !== '') {
    // A number is a seed; a word is one too.
    const text = form.seed.trim()
    body.seed = /^\d{1,15}$/.test(text)
      ? Number(text)
      : [...text].reduce((sum, letter) => (sum * 31 + letter.codePointAt(0)) % 4294967291, 7)
  }
  if (form.permadeath && !form.daily) body.permadeath = true
  try {
    const { session_id: id } = await post('/api/sessions', body)
    remember()
    player.sessions = null
    location.hash = `#/play/${id}`
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem
    if (problem.code === 'TOKEN_INVALID') await forget()
    else toast(problem.detail, 'danger')
  } finally {
    player.busy = false
    changed()
  }
}

/** The browser's key is no longer good. Only the server can take it out of the browser. */
async function forget() {
  try {
    await post('/api/logout')
  } catch {
    // It answers that the key is no good, and takes it away with that.
  }
  player.problem = null
  player.sessions = []
  player.slots = null
  toast('This browser begins anew.', 'plain')
  await loadPlayer()
}

async function remove(session) {
  try {
    await call(`/api/sessions/${session.session_id}`, { method: 'DELETE' })
    toast(`\u201c${session.name}\u201d was deleted.`)
  } catch (problem) {
    toast(problem.detail, 'danger')
  }
  loadPlayer()
}

const sky = () =>
  h(
    'svg',
    {
      class: 'cover',
      viewBox: '0 0 1440 900',
      preserveAspectRatio: 'xMidYMid slice',
      'aria-hidden': 'true',
      focusable: 'false',
    },
    h(
      'defs',
      {},
      h(
        'radialGradient',
        { id: 'limb', cx: '0.5', cy: '0.5', r: '0.5' },
        h('stop', { offset: '0.93', 'stop-color': '#141127' }),
        h('stop', { offset: '0.985', 'stop-color': '#241d42' }),
        h('stop', { offset: '1', 'stop-color': '#5b4a86' }),
      ),
      h(
        'radialGradient',
        { id: 'halo', cx: '0.5', cy: '0.5', r: '0.5' },
        h('stop', { offset: '0.86', 'stop-color': '#f2b25c', 'stop-opacity': '0.2' }),
        h('stop', { offset: '1', 'stop-color': '#f2b25c', 'stop-opacity': '0' }),
      ),
    ),
    stars('the cover', 420, 1440, 900),
    h('circle', { cx: 1220, cy: 1240, r: 860, fill: 'url(#halo)' }),
    h('circle', { cx: 1220, cy: 1240, r: 760, fill: 'url(#limb)' }),
    h(
      'g',
      { class: 'contours' },
      [680, 600, 525, 455, 390].map((r, ix) =>
        h('ellipse', { cx: 1220, cy: 1240, rx: r + 40, ry: r, transform: `rotate(${-8 - ix * 3} 1220 1240)` }),
      ),
    ),
    h(
      'g',
      { class: 'orbit' },
      h('ellipse', { cx: 1220, cy: 1240, rx: 1010, ry: 905, transform: 'rotate(-14 1220 1240)' }),
      h('circle', { class: 'moon', cx: 630, cy: 509, r: 13, transform: 'rotate(-14 1220 1240)' }),
    ),
    h(
      'g',
      { class: 'cover-ship', transform: 'translate(1010 250) rotate(-16) scale(1.5)' },
      h(
        'svg',
        { x: -50, y: -50, width: 100, height: 100, viewBox: '0 0 100 100', class: 'art' },
        h('path', {
          class: 'body',
          d: 'M90 50C80 43 62 41 46 42L20 34 14 38 24 46 16 50 24 54 14 62 20 66 46 58C62 59 80 57 90 50z',
        }),
        h('path', { class: 'fine', d: 'M74 46C70 48 70 52 74 54M46 42V58M58 42C56 46 56 54 58 58M24 46H40M24 54H40' }),
        h('path', { class: 'trail', d: 'M12 50H-150M12 45H-60M12 55H-80' }),
      ),
    ),
  )

const frame = (...kids) => h('div.start', {}, sky(), kids)

/** The way back, and what a page beside the start page is called. */
export const masthead = (kicker, title) => [
  h('p', {}, h('a.back', { href: '#/' }, icon('flee'), 'Back')),
  h('header.masthead.small', {}, h('p.kicker', {}, kicker), h('h1', {}, title)),
]

export function startView() {
  const games = player.sessions
  const open = games?.filter(({ status }) => status !== 'finished') ?? []
  const done = games?.filter(({ status }) => status === 'finished') ?? []
  return frame(
    h(
      'main.start-main',
      { id: 'main', tabindex: -1 },
      h(
        'header.masthead',
        {},
        h('p.kicker', {}, 'A voyage in 120 turns'),
        h('h1', {}, 'Cosmic Explorer'),
        h(
          'p.lede',
          {},
          'Five regions, a purse, a ship with too little of everything. Trade, mine, fight, or look where nobody has looked, until the sum you set out for is yours.',
        ),
      ),
      player.problem ? trouble(player.problem) : null,
      open.length
        ? h(
            'section.start-block',
            { 'aria-labelledby': 'go-on' },
            h('h2', { id: 'go-on' }, 'Go on'),
            h('ul.games', {}, open.map(card)),
          )
        : null,
      h(
        'nav.start-ways',
        { 'aria-label': 'What to do' },
        h(
          'a.way',
          { href: '#/new', class: open.length ? '' : 'primary' },
          icon('ship'),
          h('span', {}, h('b', {}, 'New voyage'), h('i', {}, 'Choose how hard it is, and begin')),
        ),
        player.challenge
          ? h(
              'a.way',
              { href: '#/new/daily' },
              icon('star'),
              h(
                'span',
                {},
                h('b', {}, 'Daily challenge'),
                h('i', {}, `One sky for all, ${until(player.challenge.ends_at)}`),
              ),
            )
          : null,
        h(
          'a.way',
          { href: '#/saves' },
          icon('save'),
          h('span', {}, h('b', {}, 'Saves'), h('i', {}, 'Four slots, and files to keep')),
        ),
        h(
          'a.way',
          { href: '#/board' },
          icon('trophy'),
          h('span', {}, h('b', {}, 'Leaderboard'), h('i', {}, 'Who made the sum, and how fast')),
        ),
        h(
          'button.way',
          { type: 'button', onclick: () => show('help') },
          icon('help'),
          h('span', {}, h('b', {}, 'How to play'), h('i', {}, 'The rules in two minutes, and the keys')),
        ),
        h(
          'button.way',
          { type: 'button', onclick: () => show('settings') },
          icon('gear'),
          h('span', {}, h('b', {}, 'Settings'), h('i', {}, 'Sound, motion, contrast, text')),
        ),
      ),
      done.length
        ? h(
            'section.start-block',
            { 'aria-labelledby': 'past' },
            h('h2', { id: 'past' }, 'Past voyages'),
            h('ul.games.past', {}, done.slice(0, 8).map(card)),
          )
        : null,
    ),
  )
}

export function show(name) {
  ui.dialog = { name }
  changed()
}

function trouble(problem) {
  const bad = problem.code === 'TOKEN_INVALID'
  return h(
    'div.trouble',
    { role: 'alert' },
    icon('danger'),
    h(
      'div',
      {},
      h(
        'b',
        {},
        bad
          ? 'This browser\u2019s key is no longer good'
          : problem.status === 0
            ? 'The server does not answer'
            : 'Something is wrong',
      ),
      h(
        'p',
        {},
        bad
          ? 'It was revoked, or it is older than 90 days. Games that were played with it cannot be opened from here any more.'
          : problem.status === 0
            ? 'Your games are safe on its disk. This page asks again every few seconds.'
            : problem.detail,
      ),
      bad ? button('Begin anew', forget, { class: 'primary' }) : null,
    ),
  )
}

/** How long a day still is. */
function until(time) {
  const minutes = Math.max(0, Math.round((new Date(time) - Date.now()) / 60000))
  return minutes >= 60 ? `${many(Math.round(minutes / 60), 'hour')} left` : `${many(minutes, 'minute')} left`
}

const VERDICTS = {
  counted: 'on the board',
  not_first: 'does not count: not the first',
  late: 'does not count: too late',
  too_low: 'not among the best',
  too_long: 'does not count: too long',
  unranked: 'does not count',
  unproven: 'does not count: not proven',
}

function card(session) {
  return h(
    'li.game-card',
    { key: session.session_id },
    h(
      'a',
      { href: `#/play/${session.session_id}` },
      shipArt(session.ship_type, 'thumb'),
      h(
        'span.game-words',
        {},
        h('b', {}, h('bdi', {}, session.name)),
        h('span', {}, h('bdi', {}, session.place)),
        h(
          'span.quiet',
          {},
          `${session.challenge ? `Challenge of ${session.challenge.date}${session.challenge.verdict ? `, ${VERDICTS[session.challenge.verdict] ?? session.challenge.verdict}` : ''}; ` : session.permadeath ? 'no way back; ' : ''}turn ${session.turn_count}, ${number(session.wealth)} credits, ${since(session.last_activity)}`,
        ),
      ),
    ),
    h(
      'button.round',
      {
        type: 'button',
        'aria-label': `Delete ${session.name}`,
        onclick: () =>
          ask(
            'Delete this voyage?',
            `\u201c${session.name}\u201d goes for good, with its history. Saves of it stay.`,
            'Delete it',
            () => remove(session),
          ),
      },
      icon('trash'),
    ),
  )
}

// A new game ----------------------------------------------------------------------------------------------------------------

const LEVELS = [
  ['easy', 'Easy', 'A longer purse, kinder passages'],
  ['normal', 'Normal', 'As it was meant'],
  ['hard', 'Hard', 'A higher sum, rougher passages'],
]

export function newView() {
  form.daily = ui.route.parts[0] === 'daily'
  const challenge = form.daily ? player.challenge : null
  if (form.daily && !challenge)
    return frame(
      h(
        'main.start-main.narrow',
        { id: 'main', tabindex: -1 },
        masthead('Daily challenge', challenge === null ? 'Looking\u2026' : 'Not to be had just now'),
        challenge === null ? null : button('Try again', loadPlayer, { class: 'primary' }),
      ),
    )
  return frame(
    h(
      'main.start-main.narrow',
      { id: 'main', tabindex: -1 },
      form.daily
        ? masthead(`Daily challenge, ${challenge.date}`, 'The same stars for everybody')
        : masthead('New voyage', 'Where to, captain?'),
      h(
        'form.new-game',
        {
          onsubmit: (event) => {
            event.preventDefault()
            begin()
          },
        },
        h(
          'label.field',
          {},
          h('span', {}, 'Name of the voyage'),
          h('input', {
            type: 'text',
            name: 'name',
            maxlength: 40,
            placeholder: 'May be left empty',
            autocomplete: 'off',
            value: form.name,
            oninput: (event) => (form.name = event.target.value),
          }),
        ),
        form.daily
          ? h(
              'p.quiet',
              {},
              `The first voyage that you finish counts, if it ends today: ${until(challenge.ends_at)}. There is no way back in it: no saves, no second try at a turn.`,
            )
          : null,
        h(
          'fieldset.levels',
          {},
          h('legend', {}, 'Difficulty'),
          LEVELS.map(([id, label, note]) => {
            const rules = content?.difficulties?.[id]
            const board = challenge?.difficulties?.find(({ difficulty }) => difficulty === id)
            return h(
              'label.level',
              { key: id, class: form.difficulty === id ? 'on' : '' },
              h('input', {
                type: 'radio',
                name: 'difficulty',
                value: id,
                checked: form.difficulty === id,
                onchange: () => {
                  form.difficulty = id
                  changed()
                },
              }),
              h(
                'span',
                {},
                h('b', {}, label),
                h('i', {}, note),
                rules
                  ? h(
                      'span.level-sums',
                      {},
                      `${number(rules.wealth)} credits to begin, ${number(rules.goal)} to win${board ? `; ${many(board.entries, 'voyage')} on the board` : ''}`,
                    )
                  : null,
              ),
            )
          }),
        ),
        form.daily
          ? null
          : h(
              'details.more',
              {},
              h('summary', {}, 'A seed of your own'),
              h(
                'label.field',
                {},
                h('span', {}, 'Seed'),
                h('input', {
                  type: 'text',
                  name: 'seed',
                  maxlength: 40,
                  autocomplete: 'off',
                  placeholder: 'A number or a word',
                  value: form.seed,
                  oninput: (event) => (form.seed = event.target.value),
                }),
              ),
              h('p.quiet', {}, 'The same seed always gives the same stars. A voyage with a chosen seed is not ranked.'),
            ),
        player.challenge && !form.daily
          ? h(
              'label.check',
              {},
              h('input', {
                type: 'checkbox',
                checked: form.permadeath,
                onchange: (event) => {
                  form.permadeath = event.target.checked
                  changed()
                },
              }),
              h(
                'span',
                {},
                h('b', {}, 'No way back'),
                h('i', {}, 'No saves into this voyage, and none of it, until it is over'),
              ),
            )
          : null,
        h(
          'button.button.primary.large',
          { type: 'submit', 'aria-disabled': player.busy ? 'true' : null },
          icon('ship'),
          h('span', {}, player.busy ? 'Casting off\u2026' : 'Cast off'),
        ),
      ),
    ),
  )
}

// Leaderboard ---------------------------------------------------------------------------------------------------------------

const board = { difficulty: 'normal', date: '' }

export async function loadBoard() {
  player.board = { loading: true }
  changed()
  try {
    const query = new URLSearchParams({ difficulty: board.difficulty })
    if (board.date) query.set('date', board.date)
    const answer = await get(`/api/leaderboard?${query}`)
    player.board = answer
  } catch (problem) {
    player.board = { problem: problem.status === 404 ? 'This server keeps no leaderboard.' : problem.detail }
  }
  changed()
}

export function boardView() {
  const { entries, problem, loading, date, your_rank: yours, total, seed } = player.board ?? {}
  return frame(
    h(
      'main.start-main.narrow',
      { id: 'main', tabindex: -1 },
      masthead('Leaderboard', 'Who made the sum'),
      h(
        'div.row.filters',
        {},
        h(
          'label.field',
          {},
          h('span', {}, 'Difficulty'),
          h(
            'select',
            {
              onchange: (event) => {
                board.difficulty = event.target.value
                loadBoard()
              },
            },
            LEVELS.map(([id, label]) => h('option', { value: id, selected: board.difficulty === id }, label)),
          ),
        ),
        h(
          'label.field',
          {},
          h('span', {}, 'Day of the challenge'),
          h('input', {
            type: 'date',
            value: board.date,
            onchange: (event) => {
              board.date = event.target.value
              loadBoard()
            },
          }),
        ),
      ),
      loading
        ? h('p.quiet', {}, 'Asking\u2026')
        : problem
          ? h('p.panel-note', {}, problem)
          : [
              h(
                'p.quiet',
                {},
                `${date}: ${many(total ?? 0, 'voyage')}${yours ? `; yours is number ${yours}` : ''}${seed === undefined ? '' : `; the seed was ${seed}`}.`,
              ),
              entries?.length
                ? h(
                    'ol.board',
                    {},
                    entries.map((row) =>
                      h(
                        'li',
                        { key: row.rank, class: row.yours ? 'yours' : '' },
                        h('span.place-number', {}, String(row.rank)),
                        h(
                          'span.board-name',
                          {},
                          h('bdi', {}, row.name),
                          h(
                            'span.quiet',
                            {},
                            `${row.victory ? 'made the sum' : (ENDS[row.end]?.[0].toLowerCase() ?? row.end)}, ${many(row.turn_count, 'turn')}${row.verified ? '' : ', not verified'}`,
                          ),
                        ),
                        h('b', {}, icon('credits'), number(row.wealth)),
                      ),
                    ),
                  )
                : h('p.panel-note', {}, 'Nobody yet. The first place is free.'),
            ],
    ),
  )
}
