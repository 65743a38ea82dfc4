// The ship: what it can do, what is fitted, what could be, and what is in the hold.

import { shipArt } from '../art.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { action, bar, section } from '../parts.js'
import { act } from '../session.js'
import { all, choose, find, game } from '../store.js'
import { effects, goods as units, itemEffect, many, nameOf, number, STATS, upper } from '../words.js'

const SLOTS = [
  ['high', 'High', 'weapons and tools'],
  ['mid', 'Mid', 'systems'],
  ['low', 'Low', 'hull and hold'],
  ['rig', 'Rig', 'for good'],
]
let dragged = null

const keyOf = (one) => JSON.stringify(one.action)
const choosePart = (one) => choose('fit', one ? keyOf(one) : null)

export function shipView() {
  const { player_stats: ship } = game.state
  const def = game.content?.ships[ship.ship_type]
  const chosen = game.offers?.offered.find(({ action: one }) => JSON.stringify(one) === game.chosen.fit)
  return h(
    'div.sheet.ship',
    { 'data-haven': true, tabindex: -1 },
    h(
      'header.sheet-head',
      {},
      shipArt(ship.in_pod_mode ? 'pod' : ship.ship_type, 'hero'),
      h(
        'div',
        {},
        h('p.kicker', {}, ship.in_pod_mode ? 'The flight pod' : 'Your ship'),
        h('h2', {}, ship.in_pod_mode ? 'Adrift in the pod' : (def?.name ?? nameOf.ship(ship.ship_type))),
        h('p.lede', {}, ship.in_pod_mode ? 'The ship is gone. A repair dock has another.' : (def?.description ?? '')),
      ),
    ),
    h(
      'div.columns',
      {},
      h('div.column', {}, figures(ship, chosen), ship.in_pod_mode ? null : sockets(ship, def), hold(ship)),
      h('div.column', {}, modules(), hulls(), pod(ship)),
    ),
  )
}

/** Effective figures, and what they would be with what is chosen. */
function figures(ship, chosen) {
  const after = chosen?.after ?? {}
  const rows = STATS.filter(([id]) => id !== 'pod_max_hp' || ship.has_flight_pod || after.pod_max_hp)
  return h(
    'section.group',
    {},
    h('h3', {}, 'What she can do'),
    h(
      'table.figures',
      {},
      h('caption.unseen', {}, 'Effective figures, now and with what is chosen'),
      h(
        'thead.unseen',
        {},
        h(
          'tr',
          {},
          h('th', { scope: 'col' }, 'Figure'),
          h('th', { scope: 'col' }, 'Now'),
          h('th', { scope: 'col' }, 'Then'),
        ),
      ),
      h(
        'tbody',
        {},
        rows.map(([id, label, shown, less]) => {
          const now = ship[id] ?? 0
          const then = after[id]
          const better = then !== undefined && (less ? then < now : then > now)
          return h(
            'tr',
            { key: id },
            h('th', { scope: 'row' }, label),
            h('td', {}, shown(now)),
            h(
              'td',
              { class: then === undefined ? '' : better ? 'good' : 'bad' },
              then === undefined ? '' : [icon('travel'), shown(then)],
            ),
          )
        }),
      ),
    ),
    h(
      'p.quiet.tip',
      { 'aria-live': 'polite' },
      chosen ? preview(chosen) : game.watch ? '' : 'Choose a module or a hull to see what it would change.',
    ),
  )
}

function preview({ action: one, after }) {
  const name = one.mod
    ? nameOf.mod(one.mod)
    : one.ship
      ? nameOf.ship(one.ship)
      : one.augmentation
        ? nameOf.augmentation(one.augmentation)
        : ''
  const count = Object.keys(after ?? {}).length
  return `${one.type === 'remove_mod' ? 'Without ' : 'With '}${name}: ${count ? `${many(count, 'figure')} would change.` : 'no figure would change.'}`
}

const pickable = (one) => ({
  onfocusin: () => choosePart(one),
  onmouseenter: () => choosePart(one),
  onmouseleave: () => choosePart(null),
})

function sockets(ship, def) {
  return section(
    'Fitted',
    h(
      'p.quiet.tip',
      {},
      game.state.at_repair_location
        ? 'Drag a module here, or press it, to fit it; drag it back to the yard, or press it, to remove it for half its price.'
        : 'Modules are fitted and removed at a repair dock.',
    ),
    SLOTS.map(([slot, label, what]) => {
      const fitted = ship.ship_mods[slot] ?? []
      const room = def?.slots[slot] ?? fitted.length
      const takes = () =>
        dragged?.action.mod &&
        game.content?.mods[dragged.action.mod]?.slot === slot &&
        dragged.action.type === 'buy_mod'
      return h(
        'div.sockets',
        {
          key: slot,
          'data-slot': slot,
          ondragover: (event) => takes() && (event.preventDefault(), event.currentTarget.classList.add('over')),
          ondragleave: (event) => event.currentTarget.classList.remove('over'),
          ondrop: (event) => {
            event.currentTarget.classList.remove('over')
            if (!takes()) return
            event.preventDefault()
            act(dragged.action)
            dragged = null
          },
        },
        h('h4', {}, icon(slot), label, h('span.quiet', {}, ` ${fitted.length} of ${room}, ${what}`)),
        h(
          'div.socket-row',
          {},
          fitted.map(socket),
          Array.from({ length: Math.max(0, room - fitted.length) }, (_, ix) =>
            h('div.socket', { key: `free-${ix}` }, h('span', {}, 'free')),
          ),
        ),
      )
    }),
  )
}

/** A module that is fitted. */
function socket(id) {
  const one = find('remove_mod', { mod: id })
  const off = !one.offer || game.busy
  return h(
    'button.socket.filled',
    {
      key: id,
      type: 'button',
      draggable: one.offer ? 'true' : null,
      'aria-disabled': off ? 'true' : null,
      ...pickable(one.offer ? one : null),
      onclick: () => !off && act(one.action),
      ondragstart: (event) => begin(event, one),
      ondragend: () => (dragged = null),
    },
    h('b', {}, nameOf.mod(id)),
    h('span', {}, effects(game.content?.mods[id]?.effects)),
    h('i', {}, one.offer ? `remove for ${many(one.offer.gain ?? 0, 'credit')}` : (one.refused?.detail ?? '')),
  )
}

function begin(event, one) {
  dragged = one
  event.dataTransfer.setData('text/plain', nameOf.mod(one.action.mod))
  event.dataTransfer.effectAllowed = 'move'
}

function modules() {
  const list = all('buy_mod')
  if (!list.length) return null
  const takes = () => dragged?.action.type === 'remove_mod'
  return h(
    'section.group.yard',
    {
      ondragover: (event) => takes() && event.preventDefault(),
      ondrop: (event) => {
        if (!takes()) return
        event.preventDefault()
        act(dragged.action)
        dragged = null
      },
    },
    h('h3', {}, 'Modules'),
    SLOTS.map(([slot, label]) => {
      const own = list.filter(({ action: { mod } }) => game.content?.mods[mod]?.slot === slot)
      if (!own.length) return null
      return h(
        'div.shelf',
        { key: slot },
        h('h4', {}, icon(slot), label),
        own.map((one) => goods(one, nameOf.mod(one.action.mod), game.content?.mods[one.action.mod], true)),
      )
    }),
  )
}

/** The figures that would change, before and after. */
function change(offer) {
  const ship = game.state.player_stats
  return STATS.filter(([id]) => offer?.after?.[id] !== undefined)
    .map(([id, label, shown]) => `${label} ${shown(ship[id] ?? 0)} \u2192 ${shown(offer.after[id])}`)
    .join(', ')
}

function goods(one, name, def, drags) {
  return h(
    'div.goods',
    {
      key: keyOf(one),
      ...pickable(one.offer ? one : null),
      draggable: drags && one.offer ? 'true' : null,
      ondragstart: (event) => drags && begin(event, one),
      ondragend: () => (dragged = null),
    },
    action(one, {
      text: name,
      note: [change(one.offer) || effects(def?.effects), def?.description].filter(Boolean).join('. '),
      numbered: false,
      sign: def?.slot && SLOTS.some(([slot]) => slot === def.slot) ? def.slot : 'pod',
    }),
  )
}

function hulls() {
  const list = all('buy_ship')
  if (!list.length) return null
  return section(
    'Hulls',
    list.map((one) => {
      const def = game.content?.ships[one.action.ship]
      const slots = def ? SLOTS.map(([slot, label]) => `${def.slots[slot]} ${label.toLowerCase()}`).join(', ') : ''
      return h(
        'div.hull',
        { key: keyOf(one), ...pickable(one.offer ? one : null) },
        shipArt(one.action.ship, 'thumb'),
        h(
          'div',
          {},
          action(one, { text: def?.name, note: def?.description, numbered: false, sign: 'ship' }),
          def
            ? h(
                'p.quiet.tip',
                {},
                `Hull ${def.max_hp}, hold ${def.cargo_capacity}, speed ${def.speed}, fuel use ${Math.round(def.fuel_efficiency * 100)} %; slots ${slots}. Listed at ${number(def.cost)}.`,
              )
            : null,
        ),
      )
    }),
  )
}

function pod(ship) {
  const buy = find('buy_pod')
  const list = all('buy_augmentation')
  return section(
    'The pod',
    ship.has_flight_pod
      ? h(
          'div.pod',
          {},
          shipArt('pod', 'thumb'),
          h(
            'div',
            {},
            h(
              'p',
              {},
              ship.in_pod_mode
                ? `You are in it: ${ship.pod_hp} of ${ship.pod_max_hp} hull.`
                : `Ready: ${ship.pod_hp} of ${ship.pod_max_hp} hull.`,
            ),
            bar(ship.pod_hp / ship.pod_max_hp),
            ship.pod_augmentations.length
              ? h(
                  'ul.plain',
                  {},
                  ship.pod_augmentations.map((id) => h('li', { key: id }, nameOf.augmentation(id))),
                )
              : null,
          ),
        )
      : action(buy, { numbered: false }),
    ship.has_flight_pod || list.some(({ offer }) => offer)
      ? list.map((one) =>
          goods(
            one,
            nameOf.augmentation(one.action.augmentation),
            game.content?.augmentations[one.action.augmentation],
            false,
          ),
        )
      : h('p.quiet.tip', {}, 'A pod can be made better once there is one.'),
  )
}

function hold(ship) {
  const weights = ship.inventory.map(({ item_id: item, quantity }) => ({
    item,
    quantity,
    def: game.content?.items[item],
  }))
  return section(
    'The hold',
    h(
      'p.hold-line',
      {},
      icon('cargo'),
      h('span', {}, `${number(ship.used_cargo_space)} of ${number(ship.cargo_capacity)}`),
    ),
    bar(ship.cargo_capacity ? ship.used_cargo_space / ship.cargo_capacity : 0),
    weights.length
      ? h(
          'ul.hold',
          {},
          weights.map(({ item, quantity, def }) => {
            const use = find('use_item', { item })
            return h(
              'li',
              { key: item },
              h(
                'div.hold-item',
                {},
                h('b', {}, upper(units(item, quantity))),
                h(
                  'span.quiet',
                  {},
                  def ? `weighs ${def.weight} each. ${itemEffect(def.effect) || def.description}` : '',
                ),
              ),
              use.offer || def?.effect
                ? action(use, { text: 'Use', note: itemEffect(def?.effect), numbered: false, sign: 'check' })
                : null,
            )
          }),
        )
      : h('p.quiet', {}, 'Empty. Docks that trade sell goods; rocks, wrecks and foes have some too.'),
  )
}
