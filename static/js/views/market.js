// The market: what a dock asks and pays, against what is usual, and what is aboard.

import { h } from '../dom.js'
import { action, amountOf, sheetHead, stepper } from '../parts.js'
import { choose, find, game } from '../store.js'
import { goods, itemEffect, many, nameOf, number, signed } from '../words.js'

export function marketView() {
  const { player_stats: ship, current_location: at } = game.state
  const held = new Map(ship.inventory.map(({ item_id: item, quantity }) => [item, quantity]))
  const rows = at.market.map((price) => {
    const def = game.content?.items[price.item_id]
    return {
      ...price,
      item: price.item_id,
      aboard: held.get(price.item_id) ?? 0,
      def,
      usual: price.usual ?? def?.base_value ?? 0,
    }
  })
  const elsewhere = [...held].filter(([item]) => !rows.some((row) => row.item === item))
  return h(
    'div.sheet.market',
    { 'data-haven': true, tabindex: -1 },
    sheetHead(
      'The market',
      h('bdi', {}, at.node.name),
      rows.length
        ? `You have ${many(ship.wealth, 'credit')}, and room for ${number(Math.max(0, ship.cargo_capacity - ship.used_cargo_space))} of ${number(ship.cargo_capacity)}.`
        : 'Nobody trades here. Places with a trade dock are marked with scales on the map.',
    ),
    rows.length
      ? h(
          'table.prices',
          {},
          h('caption.unseen', {}, 'Prices here. Choose a row to buy or sell.'),
          h(
            'thead',
            {},
            h(
              'tr',
              {},
              h('th', { scope: 'col' }, 'Goods'),
              h('th', { scope: 'col', class: 'num' }, 'They ask'),
              h('th', { scope: 'col', class: 'num' }, 'They pay'),
              h('th', { scope: 'col', class: 'num usual' }, 'Usual'),
              h('th', { scope: 'col', class: 'num' }, 'Aboard'),
            ),
          ),
          h('tbody', {}, rows.flatMap(row)),
        )
      : null,
    elsewhere.length
      ? h(
          'p.quiet',
          {},
          `Aboard, but not dealt in here: ${elsewhere.map(([item, quantity]) => goods(item, quantity)).join(', ')}.`,
        )
      : null,
  )
}

/** How a price compares with the usual one: a stroke to the left is below it, one to the right above. */
function against(price, usual, good) {
  if (!usual) return null
  const off = Math.max(-1, Math.min(1, (price / usual - 1) / 0.6))
  const tone = Math.abs(price / usual - 1) < 0.04 ? 'same' : off > 0 === good ? 'good' : 'bad'
  return h(
    'span.against',
    { class: tone },
    h(
      'svg',
      { viewBox: '0 0 40 6', 'aria-hidden': 'true' },
      h('path', { class: 'base', d: 'M20 0v6' }),
      h('path', { class: 'off', d: `M20 3h${Math.round(off * 19)}` }),
    ),
    `${signed(Math.round((price / usual - 1) * 100))} %`,
  )
}

function row({ item, buy, sell, stock, aboard, def, usual }) {
  const open = game.chosen.goods === item
  return [
    h(
      'tr',
      { key: item, class: `${open ? 'open' : ''} ${aboard ? 'aboard' : ''}` },
      h(
        'th',
        { scope: 'row' },
        h(
          'button.goods-name',
          {
            type: 'button',
            'aria-expanded': open ? 'true' : 'false',
            onclick: () => choose('goods', open ? null : item),
          },
          h('b', {}, nameOf.item(item)),
          h('span', {}, `${stock} here, weighs ${def?.weight ?? '?'}`),
        ),
      ),
      h('td.num', {}, number(buy), against(buy, usual, false)),
      h('td.num', {}, number(sell), against(sell, usual, true)),
      h('td.num.usual', {}, number(usual)),
      h('td.num', {}, aboard ? h('b', {}, number(aboard)) : h('span.quiet', {}, '0')),
    ),
    open
      ? h(
          'tr.deal',
          { key: `${item}-deal` },
          h(
            'td',
            { colspan: 5 },
            h(
              'p.story',
              {},
              def?.description ?? '',
              itemEffect(def?.effect) ? ` It gives ${itemEffect(def.effect)}.` : '',
            ),
            game.watch
              ? null
              : h(
                  'div.deals',
                  {},
                  deal('buy_item', item, 'Buy'),
                  aboard ? deal('sell_item', item, 'Sell') : null,
                  usable(item),
                ),
          ),
        )
      : null,
  ]
}

function usable(item) {
  const use = find('use_item', { item })
  return use.offer ? h('div.deal-one', {}, action(use, { numbered: false, note: 'Here and now', sign: 'check' })) : null
}

function deal(type, item, label) {
  const one = find(type, { item })
  if (!one.action) return null
  const id = `${type}-${item}`
  const most = one.offer?.max ?? 1
  const amount = amountOf(id, most)
  return h(
    'div.deal-one',
    { key: id },
    action(one, {
      amount: one.offer ? amount : undefined,
      text: `${label} ${one.offer ? amount : nameOf.item(item)}`,
      sign: type === 'buy_item' ? 'plus' : 'credits',
      note: most > 1 ? `up to ${number(most)}; each moves the price a little` : '',
      numbered: false,
      key: id,
    }),
    one.offer && most > 1 ? stepper(id, most, `${label} ${nameOf.item(item)}`) : null,
  )
}
