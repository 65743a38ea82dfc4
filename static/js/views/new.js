// A new voyage, or the challenge of the day: what to choose before it begins.

import { post, Problem } from '../api.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { button } from '../parts.js'
import { forget, loadPlayer, remember } from '../player.js'
import { changed, player, toast, ui } from '../store.js'
import { left, LEVELS, many, number, refusal } from '../words.js'
import { cover, masthead } from './cover.js'

/** What has been chosen so far. */
const form = { name: '', difficulty: 'normal', seed: '', daily: false, permadeath: false }

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
    const { session_id: id } = await post('api/sessions', body)
    remember()
    player.sessions = null
    location.hash = `#/play/${id}`
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem
    if (problem.code === 'TOKEN_INVALID') await forget()
    else toast(refusal(problem), 'danger')
  } finally {
    player.busy = false
    changed()
  }
}
export function newView() {
  form.daily = ui.route.parts[0] === 'daily'
  const challenge = form.daily ? player.challenge : null
  if (form.daily && !challenge) return noChallenge(challenge === null)
  return cover(
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
        textField('Name of the voyage', 'name', 'May be left empty'),
        form.daily
          ? h(
              'p.quiet',
              {},
              `One voyage a day, and it counts if it ends today: ${left(challenge.ends_at)}. There is no way back in it: no saves, no second try at a turn, and none at the day.`,
            )
          : null,
        h(
          'fieldset.levels',
          {},
          h('legend', {}, 'Difficulty'),
          LEVELS.map((each) => level(each, challenge)),
        ),
        form.daily
          ? null
          : h(
              'details.more',
              {},
              h('summary', {}, 'A seed of your own'),
              textField('Seed', 'seed', 'A number or a word'),
              h('p.quiet', {}, 'The same seed always gives the same stars. A voyage with a chosen seed is not ranked.'),
            ),
        player.challenge && !form.daily ? permadeath() : null,
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

/** The server has not told of a challenge yet, or has none. */
const noChallenge = (waiting) =>
  cover(
    h(
      'main.start-main.narrow',
      { id: 'main', tabindex: -1 },
      masthead('Daily challenge', waiting ? 'Looking\u2026' : 'Not to be had just now'),
      waiting ? null : button('Try again', loadPlayer, { class: 'primary' }),
    ),
  )

const textField = (label, name, placeholder) =>
  h(
    'label.field',
    {},
    h('span', {}, label),
    h('input', {
      type: 'text',
      name,
      maxlength: 40,
      placeholder,
      autocomplete: 'off',
      value: form[name],
      oninput: (event) => (form[name] = event.target.value),
    }),
  )

function level([id, label, note], challenge) {
  const rules = player.content?.difficulties?.[id]
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
            `${many(rules.wealth, 'credit')} to begin, ${number(rules.goal)} to win${board ? `; ${many(board.entries, 'voyage')} on the board` : ''}`,
          )
        : null,
    ),
  )
}

const permadeath = () =>
  h(
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
    h('span', {}, h('b', {}, 'No way back'), h('i', {}, 'No saves into this voyage, and none of it, until it is over')),
  )
