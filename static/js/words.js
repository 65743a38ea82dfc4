// How things are said. Names of content and figures become sentences here, and nowhere else.

import { game, nodeById, regionById } from './store.js'

const whole = new Intl.NumberFormat('en')
export const number = (value) => whole.format(value)
export const percent = (share) => `${Math.round(share * 100)} %`
export const signed = (value) => (value > 0 ? `+${number(value)}` : value < 0 ? `\u2212${number(-value)}` : '0')
export const many = (count, noun) => `${number(count)} ${noun}${count === 1 ? '' : 's'}`
const title = (id) =>
  String(id)
    .split('_')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join(' ')
const named = (table, id) => game.content?.[table]?.[id]?.name ?? title(id)

export const nameOf = {
  item: (id) => named('items', id),
  mod: (id) => named('mods', id),
  ship: (id) => named('ships', id),
  enemy: (id) => named('enemies', id),
  augmentation: (id) => named('augmentations', id),
  achievement: (id) => named('achievements', id),
  move: (id) => named('combat_moves', id),
  nodeKind: (id) => named('nodes', id),
  regionKind: (id) => named('regions', id),
  node: (id) => nodeById(id).node?.name ?? 'a place unknown to you',
  region: (id) => regionById(id)?.name ?? 'a region unknown to you',
}

export const danger = (level) => (level < 0.18 ? 'calm' : level < 0.4 ? 'uneasy' : level < 0.6 ? 'dangerous' : 'deadly')

/** An action as a button says it: a sign, a word, and what its odds are of. */
export function describe(action) {
  const { type } = action
  const sign = {
    use_item: 'check',
    buy_food: 'food',
    consume_food: 'food',
    buy_item: 'plus',
    sell_item: 'credits',
    seek_fight: 'fight',
    negotiate: 'talk',
    navigate: 'travel',
  }
  const texts = {
    scan: 'Scan',
    mine: 'Mine',
    salvage: 'Search the wreck',
    wait: 'Wait a turn',
    repair: 'Repair the hull',
    refuel: 'Refuel',
    buy_food: 'Buy food',
    consume_food: 'Eat',
    buy_pod: 'Buy a flight pod',
    seek_fight: 'Look for a fight',
    flee: 'Flee',
    negotiate: 'Pay them off',
  }
  const notes = {
    scan: 'Chart the neighbours and look for what is hidden',
    mine: 'Cut ore from the rock',
    salvage: 'See what the dead have left',
    wait: 'Let time pass; docks and prices change',
    repair: 'As far as the purse reaches',
    refuel: 'By the unit',
    buy_food: 'Each turn eats one ration',
    consume_food: 'Rations bring health back',
    buy_pod: 'A second chance when the ship is lost',
    seek_fight: 'Foes carry credits and cargo',
    flee: 'Burn fuel and be gone',
    negotiate: 'Credits for peace',
  }
  const odds = {
    scan: 'find',
    navigate: 'quiet',
    mine: 'ore',
    salvage: 'loot',
    seek_fight: 'found',
    combat: 'hit',
    flee: 'away',
    negotiate: 'agreed',
  }
  return {
    sign: type === 'combat' ? action.move : type === 'buy_pod' ? 'pod' : (sign[type] ?? type),
    text:
      type === 'navigate'
        ? nameOf.node(action.node)
        : type === 'jump'
          ? nameOf.region(action.region)
          : type === 'combat'
            ? nameOf.move(action.move)
            : type === 'use_item'
              ? `Use ${nameOf.item(action.item)}`
              : (texts[type] ?? title(type)),
    note: type === 'combat' ? game.content?.combat_moves?.[action.move]?.description : notes[type],
    odds: odds[type] ?? 'chance',
  }
}

/** What was done, for the log. */
export function deed(turn) {
  const { action, loaded } = turn
  if (loaded)
    return loaded.slot === 0 ? 'Went back to the game last played' : `Loaded save ${loaded.slot}, ${loaded.name}`
  if (!action) return 'Something happened'
  const it = {
    navigate: () => `Travel to ${nameOf.node(action.node)}`,
    jump: () => `Jump to ${nameOf.region(action.region)}`,
    refuel: () => `Refuel ${action.amount}`,
    buy_food: () => `Buy ${many(action.amount, 'ration')}`,
    consume_food: () => `Eat ${many(action.amount, 'ration')}`,
    buy_ship: () => `Buy the ${nameOf.ship(action.ship)}`,
    buy_mod: () => `Fit ${nameOf.mod(action.mod)}`,
    remove_mod: () => `Remove ${nameOf.mod(action.mod)}`,
    buy_augmentation: () => `Fit ${nameOf.augmentation(action.augmentation)}`,
    buy_item: () => `Buy ${action.quantity} ${nameOf.item(action.item)}`,
    sell_item: () => `Sell ${action.quantity} ${nameOf.item(action.item)}`,
    use_item: () => `Use ${nameOf.item(action.item)}`,
    accept_quest: () => 'Take on work',
    abandon_quest: () => 'Give up work',
    turn_in_quest: () => 'Turn in work',
    choose: () => 'Answer',
    combat: () => nameOf.move(action.move),
  }
  return it[action.type]?.() ?? describe(action).text
}

/** A cost as short pieces: `[sign, text, spoken]`. */
export function costs(offer, amount = 1) {
  if (!offer) return []
  // Offers are of one unit. Goods get dearer, or cheaper, with each.
  const of = amount === 1 ? '' : offer.action.quantity === undefined ? ' each' : ' the first'
  const { cost, gain } = offer
  const parts = []
  if (cost.fuel) parts.push(['fuel', number(cost.fuel), `${cost.fuel} fuel`])
  if (cost.credits) parts.push(['credits', `${number(cost.credits)}${of}`, `${many(cost.credits, 'credit')}${of}`])
  if (gain) parts.push(['credits', `+${number(gain)}${of}`, `brings ${many(gain, 'credit')}${of}`])
  if (cost.turns) parts.push(['turn', String(cost.turns), many(cost.turns, 'turn')])
  return parts
}

export const STATS = [
  ['max_hp', 'Hull', whole.format],
  ['cargo_capacity', 'Hold', whole.format],
  ['speed', 'Speed', (value) => value.toFixed(2)],
  ['fuel_efficiency', 'Fuel use', percent, true],
  ['combat_power', 'Fire power', whole.format],
  ['accuracy', 'Aim', (value) => `+${percent(value)}`],
  ['mining_yield', 'Mining', (value) => `\u00d7${value.toFixed(2)}`],
  ['salvage_chance', 'Salvage', (value) => `+${percent(value)}`],
  ['scan_bonus', 'Scanner', (value) => `\u00d7${value.toFixed(1)}`],
  ['hull_repair', 'Self-repair', (value) => `${value} a turn`],
  ['pod_max_hp', 'Pod hull', whole.format],
]
const LABEL = Object.fromEntries(STATS.map(([id, label]) => [id, label]))
const MULTIPLIES = new Set(['fuel_efficiency', 'mining_yield', 'scan_bonus'])
const SHARE = new Set(['accuracy', 'salvage_chance', 'rescue_chance', 'damage_reduction'])
const EXTRA = {
  cargo_preservation: 'Cargo saved',
  rescue_chance: 'Rescue',
  damage_reduction: 'Pod armour',
  emergency_food: 'Rations',
}

/** What a module or augmentation does, as content says it. */
export const effects = (of) =>
  Object.entries(of ?? {})
    .filter(([, value]) => value)
    .map(([id, value]) => {
      const label = LABEL[id] ?? EXTRA[id] ?? title(id)
      if (MULTIPLIES.has(id)) return `${label} \u00d7${value}`
      return `${label} +${SHARE.has(id) ? percent(value) : value}`
    })
    .join(', ')

export function itemEffect(effect) {
  if (!effect) return ''
  const parts = []
  if (effect.ship_condition) parts.push(`hull +${effect.ship_condition}`)
  if (effect.fuel) parts.push(`fuel +${effect.fuel}`)
  if (effect.health) parts.push(`health +${effect.health}`)
  if (effect.temp_hp) parts.push(`shield ${effect.temp_hp} for ${effect.duration}`)
  return parts.join(', ')
}

export const STATISTICS = {
  systems_visited: 'Places visited',
  total_distance_traveled: 'Map units travelled',
  scans: 'Scans',
  units_mined: 'Ore mined',
  wrecks_searched: 'Wrecks searched',
  items_collected: 'Units brought aboard',
  units_sold: 'Units sold',
  credits_earned: 'Credits earned',
  credits_spent: 'Credits spent',
  ships_destroyed: 'Ships destroyed',
  fights_fled: 'Fights fled',
  fights_talked_down: 'Fights talked down',
  quests_completed: 'Work finished',
  quests_failed: 'Work failed',
  chains_completed: 'Chains seen through',
  events_answered: 'Questions answered',
  ships_bought: 'Ships bought',
  pod_uses: 'Ejections',
}
export const titled = title

export const ENDS = {
  victory: ['You have won', 'The sum is in your purse, and nobody can say how you made it but you.'],
  died: ['The crew does not wake up', 'The ship goes on without them, lamps lit.'],
  ship_lost: ['The ship is gone', 'There was no pod. Somebody will find the beacon.'],
  pod_lost: ['The pod breaks open', 'It had carried you further than it was built for.'],
  out_of_turns: ['The season has ended', 'The sum was not made in time. There will be other seasons.'],
  stranded: ['Nowhere to go', 'There is no fuel, and nowhere to get any.'],
}

export const word = {
  link({ status, via, detail }) {
    return (
      {
        connecting: 'Connecting.',
        live:
          via === 'socket' || !via
            ? 'Connected.'
            : via === 'stream'
              ? 'Connected through an event stream.'
              : 'Connected; news comes every few seconds.',
        offline: `${detail ?? 'No connection.'} The game is safe; this page comes back by itself.`,
        replaced: 'This game is being played in another tab or on another device.',
        denied: 'This browser may not open this game.',
        unknown: 'There is no such game.',
        expired: 'This game is gone for good.',
        left: 'This game was put away.',
        damaged: 'This game was damaged on the server\u2019s disk and has been set aside.',
      }[status] ?? status
    )
  },
}

const ago = new Intl.RelativeTimeFormat('en', { numeric: 'auto' })
export function since(time) {
  const seconds = (new Date(time) - Date.now()) / 1000
  for (const [unit, size] of [
    ['day', 86400],
    ['hour', 3600],
    ['minute', 60],
  ]) {
    if (Math.abs(seconds) >= size) return ago.format(Math.round(seconds / size), unit)
  }
  return 'just now'
}
export const clock = (time) =>
  time ? new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }) : ''
