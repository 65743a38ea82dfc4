// Pieces that more than one view is made of.

import { h } from './dom.js'
import { icon } from './icons.js'
import { act } from './session.js'
import { changed, game, sameAction, ui, UNREAD, unread } from './store.js'
import { costs, danger, describe, endOf, number, percent } from './words.js'

/** The number keys: `list` is what each does, in the order of the page; `known` names that, and `since` is the time from which on. */
export const hot = { list: [], known: [], since: [] }
const hotkey = (what, run) => {
  if (hot.list.length >= 9) return null
  const at = hot.list.push(run) - 1
  if (hot.known[at] !== what) {
    // In a game that has just been opened a key did nothing before.
    hot.since[at] = hot.known[at] === undefined ? 0 : performance.now()
    hot.known[at] = what
  }
  return String(at + 1)
}
/** Does what has a number, unless the number has just become another action's. */
export function press(at) {
  if (performance.now() - (hot.since[at] ?? 0) >= UNREAD) hot.list[at]?.()
}

const isBusy = (action) => Boolean(game.busy && sameAction(game.busy.action, action))

/** What an action takes and how it may go, in signs and words. */
const cost = (offer, odds, amount) =>
  h(
    'span.costs',
    {},
    costs(offer, amount).map(([sign, text, spoken]) =>
      h(
        'span.cost',
        { class: sign },
        icon(sign),
        h('span', { 'aria-hidden': 'true' }, text),
        h('span.unseen', {}, spoken),
      ),
    ),
    offer?.odds !== undefined
      ? h('span.odds', {}, odds ? `${percent(offer.odds)} ${odds}` : percent(offer.odds))
      : null,
    offer?.worst
      ? h(
          'span.cost.harm',
          { class: offer.may_end ? 'deadly' : '' },
          icon('hull'),
          h('span', { 'aria-hidden': 'true' }, `\u2264${number(offer.worst)}`),
          h('span.unseen', {}, `may cost up to ${number(offer.worst)} hull`),
        )
      : null,
  )

/** An action as a button: what it takes and how it may go, or why it cannot be done. */
export function action(
  found,
  { text, note, sign, key, amount, plain = false, numbered = true, tone = '', before } = {},
) {
  const { offer, refused } = found
  if (!found.action) return null
  const told = describe(found.action)
  const body = amount
    ? { ...found.action, [found.action.quantity === undefined ? 'amount' : 'quantity']: amount }
    : found.action
  const run = () => {
    before?.()
    return act(body)
  }
  const busy = isBusy(body)
  // Between a turn and its new offers nothing can be done for certain.
  const off = Boolean(refused) || Boolean(game.busy) || game.offers?.revision !== game.revision || unread()
  const number = offer && numbered ? hotkey(JSON.stringify(found.action), run) : null
  return h(
    'button.act',
    {
      key: key ?? JSON.stringify(found.action),
      type: 'button',
      class: `${refused ? 'refused' : ''} ${busy ? 'busy' : ''} ${tone}`,
      'aria-disabled': off ? 'true' : null,
      'aria-keyshortcuts': number,
      'data-action': found.action.type,
      onclick: () => {
        if (!off) run()
      },
    },
    icon(sign ?? told.sign),
    h(
      'span.act-text',
      {},
      h('span.act-name', {}, text ?? told.text),
      plain && !refused ? null : h('span.act-note', {}, refused ? refused.detail : (note ?? told.note ?? '')),
      offer?.may_end ? h('span.act-risk', {}, endOf(offer)) : null,
    ),
    offer ? cost(offer, told.odds, amount) : null,
    number ? h('kbd', { 'aria-hidden': 'true' }, number) : null,
  )
}

/** The number that is chosen, from 1 to `most`. */
export const amountOf = (id, most) => Math.min(Math.max(1, game.amounts[id] ?? 1), Math.max(1, most))

/** Chooses a number from 1 to `most`. */
export function stepper(id, most, label) {
  const value = amountOf(id, most)
  const set = (next) => {
    game.amounts[id] = Math.min(Math.max(1, Math.trunc(next) || 1), Math.max(1, most))
    changed()
  }
  return h(
    'span.stepper',
    { role: 'group', 'aria-label': label },
    h(
      'button.step',
      {
        type: 'button',
        'aria-label': `Fewer: ${label}`,
        'aria-disabled': value <= 1 ? 'true' : null,
        onclick: () => set(value - 1),
      },
      icon('minus'),
    ),
    h('input', {
      type: 'text',
      inputmode: 'numeric',
      'aria-label': label,
      value: String(value),
      onchange: (event) => {
        set(Number(event.target.value))
        event.target.value = String(game.amounts[id])
      },
    }),
    h(
      'button.step',
      {
        type: 'button',
        'aria-label': `More: ${label}`,
        'aria-disabled': value >= most ? 'true' : null,
        onclick: () => set(value + 1),
      },
      icon('plus'),
    ),
    h('button.step.most', { type: 'button', 'aria-label': `max: ${label}`, onclick: () => set(most) }, 'max'),
  )
}
/** A figure with a bar. */
export function meter(sign, label, value, most, { low = 0.25, tone = '', extra } = {}) {
  const share = most > 0 ? Math.max(0, Math.min(1, value / most)) : 0
  return h(
    'div.meter',
    { class: `${tone} ${most && low && share <= low ? 'low' : ''}` },
    icon(sign),
    h('span.meter-label', {}, label),
    h(
      'span.meter-figure',
      {},
      h('b', {}, number(value)),
      most ? h('span.of', {}, `/${number(most)}`) : null,
      extra ? h('span.extra', {}, ` ${extra}`) : null,
    ),
    most ? bar(share) : null,
  )
}
export const bar = (share, more = '') =>
  h(
    'svg',
    { class: `gauge ${more}`, viewBox: '0 0 100 4', preserveAspectRatio: 'none', 'aria-hidden': 'true' },
    h('rect', { class: 'gauge-back', width: 100, height: 4 }),
    h('rect', { class: 'gauge-fill', width: Math.round(share * 1000) / 10, height: 4 }),
  )

/** How dangerous a place is, in a word and five strokes. */
export const dangerMark = (level) =>
  h(
    'span.danger-mark',
    {},
    h(
      'svg',
      { class: 'strokes', viewBox: '0 0 29 10', 'aria-hidden': 'true' },
      [0, 1, 2, 3, 4].map((ix) => h('path', { d: `M${2 + ix * 6} 9l3 -8`, class: level * 5 > ix + 0.25 ? 'on' : '' })),
    ),
    danger(level),
  )

/** What a view begins with. */
export const sheetHead = (kicker, title, lede) =>
  h('header.sheet-head.slim', {}, h('div', {}, h('p.kicker', {}, kicker), h('h2', {}, title), h('p.lede', {}, lede)))

export const section = (title, ...kids) => h('section.group', {}, h('h3', {}, title), kids)

/** A button that is no action of the game. */
export const button = (text, onclick, { sign, class: more = '', label, ...rest } = {}) =>
  h(
    'button.button',
    { type: 'button', class: more, 'aria-label': label, onclick, ...rest },
    sign ? icon(sign) : null,
    text ? h('span', {}, text) : null,
  )

/** A dialog over the page. The browser keeps the focus in it, and Escape closes it. */
export const dialog = (title, { key, onclose = () => close(), wide = false, locked = false } = {}, ...kids) =>
  h(
    'dialog',
    {
      key,
      class: wide ? 'wide' : '',
      'aria-labelledby': `title-${key}`,
      oncancel: (event) => locked && event.preventDefault(),
      onclose,
      onclick: (event) => event.target === event.currentTarget && !locked && onclose(),
      ref: (el) => queueMicrotask(() => el.isConnected && !el.open && el.showModal()),
    },
    h(
      'div.dialog-body',
      { 'data-haven': true, tabindex: -1 },
      h(
        'header.dialog-head',
        {},
        h('h2', { id: `title-${key}` }, h('bdi', {}, title)),
        locked ? null : h('button.round', { type: 'button', 'aria-label': 'Close', onclick: onclose }, icon('close')),
      ),
      kids,
    ),
    toasts(),
  )

/** Sentences for people, for a while. They are part of an open dialog, because what lies under it is neither seen nor read out. */
export const toasts = () =>
  h(
    'div.toasts',
    { key: 'toasts', role: 'status' },
    ui.toasts.map(({ text, tone, key }) => h('p.toast', { key, class: tone }, text)),
  )

/** Opens a dialog by its name. */
export function showDialog(name) {
  ui.dialog = { name }
  changed()
}

export function close() {
  ui.dialog = null
  changed()
}

/** Asks before something that cannot be undone. */
export function ask(title, text, yes, run) {
  ui.dialog = { name: 'ask', title, text, yes, run, back: ui.dialog }
  changed()
}
