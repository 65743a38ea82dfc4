// The present place: what is here, what can be done, what it costs, how it may go, and why not.

import { placeArt, enemyArt, shipArt } from '../art.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { action, amountOf, bar, button, dangerMark, section, stepper } from '../parts.js'
import { all, find, game, goalOf, nodeById, regionById, ui } from '../store.js'
import { settings } from '../settings.js'
import { danger, describe, ENDS, goods, iso, many, nameOf, number, percent, the, turnTitle, upper } from '../words.js'
import { way } from './map/targets.js'

export function placeView() {
  const { state } = game
  const { node, region } = state.current_location
  const kind = game.content?.nodes[node.type]
  return h(
    'div.place',
    { 'data-haven': true, tabindex: -1 },
    h(
      'header.place-head',
      {},
      placeArt(node.type, node.name, 'place-art'),
      h(
        'div.place-title',
        {},
        h('p.kicker', {}, `${nameOf.nodeKind(node.type)} in ${iso(region.name)}`),
        h('h2', {}, h('bdi', {}, node.name)),
        h('p.lede', {}, kind?.description ?? ''),
        h(
          'p.tags',
          {},
          dangerMark(node.danger_level ?? region.danger_level),
          node.has_repair ? h('span.tag', {}, icon('repair'), 'repair dock') : null,
          node.has_trade ? h('span.tag', {}, icon('market'), 'trade dock') : null,
        ),
      ),
    ),
    state.game_over
      ? ending(state)
      : state.current_event
        ? question(state)
        : state.combat
          ? fight(state)
          : [h('div.place-news', {}, last(), now()), h('div.place-doing', {}, here(state))],
  )
}

/** A line that says what may be worth doing, judged by what is offered. */
function now() {
  if (!settings.beginner || game.watch || !game.offers) return null
  const text = hint()
  return text ? h('p.now', { role: 'note' }, h('span.now-mark', { 'aria-hidden': 'true' }), text) : null
}

function hint() {
  const { state } = game
  const { player_stats: ship, current_location: at } = state
  const offered = (type) => all(type).filter(({ offer }) => offer)
  if (state.active_quests.some((quest) => find('turn_in_quest', { quest: quest.id }).offer))
    return 'Work is done and can be paid here: look under Work.'
  if (ship.fuel < 30 && find('refuel').offer)
    return 'Fuel is getting low, and this dock sells it. Fill up before you go.'
  if (ship.ship_condition < ship.max_hp * 0.45 && find('repair').offer)
    return 'The hull has seen better days. This dock can mend it.'
  if (ship.food < 12 && find('buy_food').offer)
    return 'Food is running out: the crew eats a ration each turn. Buy some here.'
  if (ship.health < 45 && find('consume_food').offer) return 'The crew is worn out. Rations bring health back.'
  const routes = offered('navigate')
  const scanned = state.statistics.scans > 0
  if (!scanned && find('scan').offer) return 'Begin with a scan: it shows where the routes from here lead.'
  const dear = offered('sell_item')
    .map(({ action: { item }, offer }) => ({
      item,
      gain: offer.gain,
      usual: at.market.find((price) => price.item_id === item)?.usual ?? Infinity,
    }))
    .filter(({ gain, usual }) => gain > usual * 1.05)
    .sort((a, b) => b.gain / b.usual - a.gain / a.usual)[0]
  if (dear) return `They pay ${number(dear.gain)} for ${goods(dear.item, 1)} here, more than usual. Sell under Market.`
  if (offered('mine').length) return 'There is ore in this rock. Mine it, and sell it where it is dear.'
  if (offered('salvage').length) return 'The wreck has not been searched yet.'
  if (state.offered_quests.length && offered('accept_quest').length)
    return `There is work on the board here: look under Work.`
  if (at.market.length && ship.used_cargo_space < ship.cargo_capacity * 0.4 && state.turn_count < 20) {
    const cheap = at.market
      .filter(({ buy, usual, item_id: item }) => buy < usual * 0.8 && find('buy_item', { item }).offer)
      .sort((a, b) => a.buy / a.usual - b.buy / b.usual)[0]
    if (cheap)
      return `${nameOf.item(cheap.item_id)}: ${number(cheap.buy)} each here, against the usual ${number(cheap.usual)}. Buy some, and sell them at another dock.`
  }
  return errand(state) ?? beyond(routes, offered)
}

/** Where work in hand leads: the nearest goal. */
function errand({ active_quests: quests, current_location: at }) {
  const goals = quests
    .map((quest) => ({ quest, id: goalOf(quest) }))
    .filter(({ id }) => id && nodeById(id).node)
    .map((goal) => ({ ...goal, ...way(goal.id), region: nodeById(goal.id).region }))
    .filter(({ legs }) => legs !== 0)
    .sort((a, b) => (a.legs ?? Infinity) - (b.legs ?? Infinity) || a.quest.deadline - b.quest.deadline)
  const [next] = goals
  if (!next) return null
  const { quest, id, legs, first, region } = next
  const title = `\u201c${iso(quest.title)}\u201d`
  if (legs === 1) return `Work in hand, ${title}: ${nameOf.node(id)} is next door.`
  if (legs)
    return `Work in hand, ${title}: ${many(legs, 'leg')} to ${nameOf.node(id)}, by way of ${nameOf.node(first)}.`
  if (region.id === at.region.id)
    return `Work in hand, ${title}: no way to ${nameOf.node(id)} is known yet. Scan, or look around.`
  return `Work in hand, ${title}: ${nameOf.node(id)} lies in ${nameOf.region(region.id)}. Jump towards it.`
}

/** What there is still to see: next door, then in the region, then beyond it. */
function beyond(routes, offered) {
  const unknown = routes.filter(({ action: { node } }) => !nodeById(node).node?.charted)
  if (unknown.length && find('scan').offer)
    return 'Scan to see what lies at the end of the routes, or just go and look.'
  const here = game.map?.current_node_id
  const fresh = (regionById(game.map?.current_region_id)?.nodes ?? [])
    .filter(({ id, visited }) => !visited && id !== here)
    .map(({ id }) => ({ id, ...way(id) }))
    .filter(({ legs }) => legs)
    .sort((a, b) => a.legs - b.legs)[0]
  if (fresh && routes.length)
    return fresh.legs === 1
      ? `You have not been to ${nameOf.node(fresh.id)} yet. Choose it below or on the map.`
      : `You have not been to ${nameOf.node(fresh.id)} yet: ${many(fresh.legs, 'leg')}, by way of ${nameOf.node(fresh.first)}.`
  if (offered('jump').length)
    return 'You know this region by now. A jump leads to the next one; the first arrival is worth a bonus.'
  if (routes.length) return 'Choose a place to travel to, below or on the map.'
  return 'Nothing much to do here but wait.'
}

function last(without = '') {
  const turn = game.last
  const text = turn?.outcome?.message.replace(without, '').trim()
  return text ? h('div.last', { key: `last-${turn.revision}` }, h('p', {}, text)) : null
}

function here(state) {
  if (game.watch) return h('p.quiet', {}, 'You are watching. What can be done here only the player knows.')
  if (!game.offers) return h('p.quiet', {}, 'Looking around\u2026')
  const routes = all('navigate')
  const jumps = all('jump')
  const dock = state.current_location.node.has_repair || state.current_location.node.has_trade
  const work = ['scan', 'mine', 'salvage', 'wait', 'seek_fight']
    .map((type) => find(type))
    .filter(({ action: one }) => one)
  const can = work.filter(({ offer }) => offer)
  const cannot = work.filter(({ refused }) => refused)
  return [
    section(
      'Here',
      can.map((each) => action(each)),
    ),
    section(
      'Routes',
      routes.length
        ? routes.map((each) => route(each))
        : h('p.quiet', {}, 'No route that you know of leads away from here. Scan, or jump.'),
    ),
    dock
      ? section(
          'At the dock',
          action(find('repair')),
          counted('refuel', 'Refuel'),
          counted('buy_food', 'Buy food'),
          action(find('buy_pod'), { numbered: false }),
        )
      : null,
    section(
      'Crew',
      find('consume_food').offer || game.state.player_stats.health < 100
        ? counted('consume_food', 'Eat')
        : h('p.quiet', {}, 'Everybody is well, and eats a ration each turn.'),
      all('use_item')
        .filter(({ offer }) => offer)
        .map((each) => action(each, { sign: 'check', note: game.content?.items[each.action.item]?.description })),
    ),
    jumps.length ? section('Jumps', jumps.map(jump)) : null,
    cannot.length
      ? section(
          'Not now',
          cannot.map((each) => action(each)),
        )
      : null,
  ]
}

function counted(type, label) {
  const one = find(type)
  if (!one.action) return null
  if (!one.offer || !(one.offer.max > 1)) return action(one)
  return h(
    'div.counted',
    { key: `counted-${type}` },
    action(one, {
      amount: amountOf(type, one.offer.max),
      text: `${label} ${amountOf(type, one.offer.max)}`,
      note: `${one.offer.cost.credits ? `${many(one.offer.cost.credits, 'credit')} each` : describe(one.action).note}; up to ${number(one.offer.max)}`,
      plain: false,
      key: type,
    }),
    stepper(type, one.offer.max, label),
  )
}

function route(each, more = {}) {
  const { node } = nodeById(each.action.node)
  const note = node?.charted
    ? `${nameOf.nodeKind(node.type)}, ${danger(node.danger_level)}${node.has_repair ? ', repairs' : ''}${node.has_trade ? ', trade' : ''}${node.visited ? '' : ', not visited'}`
    : 'Nothing known of it but the name'
  return action(each, { note, sign: 'travel', ...more })
}

function jump(each) {
  const region = regionById(each.action.region)
  const note = region
    ? `${nameOf.regionKind(region.type)}, ${danger(region.danger_level)}. ${game.content?.regions[region.type]?.description ?? ''}`
    : ''
  return action(each, { note, sign: 'jump' })
}

function question(state) {
  return h(
    'section.event',
    { 'aria-label': 'Something happens' },
    h('div.event-scene', {}, last(state.current_event.text), h('p.story', { key: 'asked' }, state.current_event.text)),
    game.watch
      ? null
      : h(
          'div.choices',
          {},
          state.available_choices.map((choice) => {
            const one = find('choose', { choice: choice.id })
            return action(
              one.action ? one : { action: { type: 'choose', choice: choice.id }, refused: { detail: 'One moment.' } },
              { text: choice.label, note: '', sign: 'travel', plain: true },
            )
          }),
        ),
  )
}

// A fight --------------------------------------------------------------------------------------------------------------------

function fight(state) {
  const { combat, player_stats: ship } = state
  const enemy = game.content?.enemies[combat.enemy_type]
  const moves = all('combat')
  const barred = moves.filter(({ refused }) => refused)
  const items = all('use_item').filter(({ offer }) => offer)
  return h(
    'section.fight',
    { 'aria-label': 'A fight' },
    h(
      'div.fight-scene',
      {},
      sides(combat, ship),
      h(
        'p.story',
        {},
        combat.quarry ? `This is the one you were sent for. ${enemy?.description ?? ''}` : (enemy?.description ?? ''),
      ),
      exchange(),
    ),
    game.watch
      ? null
      : h(
          'div.fight-orders',
          {},
          section(
            'Your orders',
            moves.filter(({ offer }) => offer).map((each) => action(each, { note: orderNote(each) })),
          ),
          section('Or', h('div.ways-out', {}, action(find('flee')), action(find('negotiate')))),
          items.length
            ? section(
                'From the hold',
                items.map((each) => action(each, { note: 'Takes the round: they shoot back' })),
              )
            : null,
          barred.length
            ? section(
                'Not now',
                barred.map((each) => action(each)),
              )
            : null,
        ),
  )
}

const sides = (combat, ship) =>
  h(
    'div.sides',
    {},
    h(
      'div.side',
      {},
      shipArt(ship.in_pod_mode ? 'pod' : ship.ship_type, 'mine'),
      h('b', {}, 'You'),
      h(
        'span.side-figure',
        {},
        ship.in_pod_mode ? `${ship.pod_hp}/${ship.pod_max_hp} pod hull` : `${ship.ship_condition}/${ship.max_hp} hull`,
      ),
      bar(ship.in_pod_mode ? ship.pod_hp / ship.pod_max_hp : ship.ship_condition / ship.max_hp),
      ship.shield ? h('span.side-figure.shielded', {}, `shield ${ship.shield}`) : null,
    ),
    h('div.round-mark', {}, h('span', {}, 'round'), h('b', {}, String(combat.round + 1))),
    h(
      'div.side.foe',
      {},
      enemyArt(combat.enemy_type),
      h('b', {}, combat.enemy_name),
      h('span.side-figure', {}, `${combat.enemy_hp}/${combat.enemy_max_hp} hull`),
      bar(combat.enemy_hp / combat.enemy_max_hp, 'foe'),
      h('span.side-figure', {}, `hits you ${percent(combat.enemy_hit_chance)}`),
    ),
  )

/** What an order does, as content says it. */
function orderNote({ action: { move }, offer }) {
  const rule = game.content?.combat_moves?.[move]
  if (!rule || !offer) return undefined
  const notes = []
  if (rule.damage !== 1) notes.push(`Damage \u00d7${rule.damage}`)
  if (rule.defense > 1) notes.push(rule.defense >= 2 ? 'hard to hit back' : 'harder to hit back')
  if (rule.defense < 1) notes.push('easier to hit back')
  const note = notes.join(', ')
  return [rule.description, note && `${note.charAt(0).toUpperCase()}${note.slice(1)}.`].filter(Boolean).join(' ')
}

/** What the last rounds came to, in two columns. */
function exchange() {
  const rounds = []
  for (let revision = game.revision; revision > Math.max(0, game.revision - 4); revision -= 1) {
    const turn = game.turns.get(revision)
    if (!turn?.outcome) break
    rounds.unshift(turn)
    if (turn.outcome.events.some((event) => event.type === 'combat_began')) break
  }
  return rounds.length ? h('ol.exchange', { 'aria-label': 'The last rounds' }, rounds.map(round)) : null
}

function round(turn) {
  const [yours, theirs, rest] = [[], [], []]
  for (const event of turn.outcome.events) {
    if (event.type === 'hit') yours.push(['good', `hit for ${event.damage}`])
    else if (event.type === 'missed') yours.push(['dim', 'miss'])
    else if (event.type === 'enemy_missed') theirs.push(['dim', 'miss'])
    else if (event.type === 'damage' && event.source === 'enemy')
      theirs.push(['bad', `hit for ${event.amount}${event.absorbed ? `, shield takes ${event.absorbed}` : ''}`])
    else if (event.type === 'flee_failed') rest.push('You cannot shake them.')
    else if (event.type === 'negotiation_failed') rest.push('They are not interested.')
    else if (event.type === 'combat_began') rest.push(`${upper(the(iso(event.name)))} closes in.`)
    else if (event.type === 'item_used') rest.push(`You use ${goods(event.item, 1)}.`)
  }
  const side = (label, hits) =>
    hits.length
      ? h(
          'span',
          {},
          h('i', {}, `${label} `),
          hits.map(([tone, text]) => h('b', { class: tone }, text)),
        )
      : null
  return h(
    'li',
    { key: `round-${turn.revision}` },
    h('span.round-order', {}, turnTitle(turn)),
    side('You', yours),
    side('They', theirs),
    rest.length ? h('span.round-rest', {}, rest.join(' ')) : null,
  )
}

// The end --------------------------------------------------------------------------------------------------------------------

function ending(state) {
  const [title, text] = ENDS[state.end] ?? ['The voyage is over', '']
  const facts = [
    ['Credits', `${number(state.player_stats.wealth)} of ${number(state.goal)}`],
    ['Turns', `${state.turn_count} of ${state.max_turns}`],
    ['Places visited', number(state.statistics.systems_visited)],
    ['Work finished', number(state.statistics.quests_completed)],
    ['Ships destroyed', number(state.statistics.ships_destroyed)],
    ['Remembered for', many((state.achievements ?? []).length, 'deed')],
    state.seed !== undefined ? ['Seed', String(state.seed), 'long'] : null,
  ].filter(Boolean)
  return h(
    'section.ending',
    { class: state.victory ? 'won' : 'lost', 'aria-label': 'The end of the voyage' },
    h('p.kicker', {}, state.victory ? 'Victory' : 'The end'),
    h('h3.ending-title', {}, title),
    h('p.story', {}, text),
    game.last?.outcome ? h('p.quiet', {}, game.last.outcome.message) : null,
    h(
      'dl.facts',
      {},
      facts.map(([name, value, more]) => h('div', { class: more ?? '' }, h('dt', {}, name), h('dd', {}, value))),
    ),
    h(
      'div.row',
      {},
      h('a.button.primary', { href: '#/new' }, icon('ship'), h('span', {}, 'A new voyage')),
      h('a.button', { href: `${ui.route.base}/deeds` }, icon('achievements'), h('span', {}, 'Deeds and figures')),
      game.watch ? null : h('a.button', { href: '#/board' }, icon('trophy'), h('span', {}, 'Leaderboard')),
      button(
        'Start page',
        () => {
          location.hash = '#/'
        },
        { sign: 'home' },
      ),
    ),
  )
}
