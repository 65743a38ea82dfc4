// How things are said. Names of content and figures become sentences here, and nowhere else.

import { game, nodeById, regionById } from './store.js'

const whole = new Intl.NumberFormat('en')
export const number = (value) => whole.format(value)
export const percent = (share) => `${Math.round(share * 100)} %`
export const signed = (value) => (value > 0 ? `+${number(value)}` : value < 0 ? `\u2212${number(-value)}` : '0')
/** A number of something: `no rations`, `1 ration`, `2 rations`. */
export const many = (count, noun, nouns = `${noun}s`) =>
  `${count === 0 ? 'no' : number(count)} ${count === 1 ? noun : nouns}`
/** A sentence with a capital first letter. */
export const upper = (text) => text.charAt(0).toUpperCase() + text.slice(1)
/** A name with its article: `the Ark`, also where the name is `The Ark`. */
export const the = (name) => `the ${String(name).replace(/^(the|an?) (?=\S)/i, '')}`
const RIGHT_TO_LEFT = /[\u0590-\u08ff\ufb1d-\ufdff\ufe70-\ufefc]|[\ud802-\ud803\ud83a-\ud83b]/
/** A name that runs from right to left, held together within a sentence, so that it does not reorder figures beside it. */
export const iso = (name) => (RIGHT_TO_LEFT.test(name ?? '') ? `\u2068${name}\u2069` : name)
const title = (id) =>
  String(id)
    .split('_')
    .map((part) => part.charAt(0).toUpperCase() + part.slice(1))
    .join(' ')
const named = (table, id) => iso(game.content?.[table]?.[id]?.name ?? title(id))

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
  node: (id) => iso(nodeById(id).node?.name ?? 'a place unknown to you'),
  region: (id) => iso(regionById(id)?.name ?? 'a region unknown to you'),
}

/** A number of units of an item, in the words of its content, as the server says them too. */
export function goods(id, count) {
  const item = game.content?.items?.[id]
  if (count === 1) return item?.one ?? `a unit of ${nameOf.item(id)}`
  return `${number(count)} ${item?.many ?? `units of ${nameOf.item(id)}`}`
}

/** How an action may end the voyage, as its button says it. */
export function endOf({ may_end: end, worst }) {
  const why = {
    ship_lost: worst
      ? `it may cost ${number(worst)} hull, and there is no pod.`
      : 'the hull may not hold, and there is no pod.',
    pod_lost: 'the pod may break open.',
    died: 'the crew may not live through it.',
    stranded: 'there may be no fuel to go on.',
    out_of_turns: 'it is the last turn.',
  }
  return `Can end the voyage: ${why[end] ?? 'nobody knows how it goes on.'}`
}

export const danger = (level) => (level < 0.18 ? 'calm' : level < 0.4 ? 'uneasy' : level < 0.6 ? 'dangerous' : 'deadly')

// What can be done, by its type: its sign where that is not named like it, what its button says, and what it is for.

const SIGNS = {
  use_item: 'check',
  buy_food: 'food',
  consume_food: 'food',
  buy_item: 'plus',
  sell_item: 'credits',
  seek_fight: 'fight',
  negotiate: 'talk',
  navigate: 'travel',
}
const TEXTS = {
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
const NOTES = {
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
/** What the odds of an action are of. */
const ODDS = {
  scan: 'find',
  navigate: 'quiet',
  mine: 'ore',
  salvage: 'loot',
  seek_fight: 'found',
  combat: 'hit',
  flee: 'away',
  negotiate: 'agreed',
}

/** An action as a button says it: a sign, a word, and what its odds are of. */
export function describe(action) {
  const { type } = action
  return {
    sign: type === 'combat' ? action.move : type === 'buy_pod' ? 'pod' : (SIGNS[type] ?? type),
    text:
      type === 'navigate'
        ? nameOf.node(action.node)
        : type === 'jump'
          ? nameOf.region(action.region)
          : type === 'combat'
            ? nameOf.move(action.move)
            : type === 'use_item'
              ? `Use ${goods(action.item, 1)}`
              : (TEXTS[type] ?? title(type)),
    note: type === 'combat' ? game.content?.combat_moves?.[action.move]?.description : NOTES[type],
    odds: ODDS[type] ?? 'chance',
  }
}

/** What a turn was, for the log. */
export function turnTitle(turn) {
  const { action, loaded } = turn
  if (loaded)
    return loaded.slot === 0 ? 'Went back to the game last played' : `Loaded save ${loaded.slot}, ${loaded.name}`
  if (!action) return 'Something happened'
  const it = {
    navigate: () => `Travel to ${nameOf.node(action.node)}`,
    jump: () => `Jump to ${nameOf.region(action.region)}`,
    refuel: () => `Refuel ${many(action.amount, 'unit')}`,
    buy_food: () => `Buy ${many(action.amount, 'ration')}`,
    consume_food: () => `Eat ${many(action.amount, 'ration')}`,
    buy_ship: () => `Buy ${the(nameOf.ship(action.ship))}`,
    buy_mod: () => `Fit ${nameOf.mod(action.mod)}`,
    remove_mod: () => `Remove ${nameOf.mod(action.mod)}`,
    buy_augmentation: () => `Fit ${nameOf.augmentation(action.augmentation)}`,
    buy_item: () => `Buy ${goods(action.item, action.quantity)}`,
    sell_item: () => `Sell ${goods(action.item, action.quantity)}`,
    use_item: () => `Use ${goods(action.item, 1)}`,
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
  // An offer is for one unit. The price of goods changes with each.
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
  if (effect.temp_hp) parts.push(`shield ${effect.temp_hp} for ${many(effect.duration, 'turn')}`)
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

/** Difficulties: their code, their name, what is different. */
export const LEVELS = [
  ['easy', 'Easy', 'A longer purse, kinder passages, softer foes'],
  ['normal', 'Normal', 'As it was meant'],
  ['hard', 'Hard', 'A higher sum, rougher passages'],
]

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
/** How long it is until a time. */
export function left(time) {
  const minutes = Math.max(0, Math.round((new Date(time) - Date.now()) / 60000))
  return minutes >= 60 ? `${many(Math.round(minutes / 60), 'hour')} left` : `${many(minutes, 'minute')} left`
}
export const clock = (time) =>
  time ? new Date(time).toLocaleTimeString([], { hour: '2-digit', minute: '2-digit' }) : ''

// What the server refuses -------------------------------------------------------------------------------------------------------

const AGAIN = 'Something went wrong between this page and the server. Load the page anew, and try again.'
const NOT_A_SAVE = 'This is not a save of this game, or it is damaged.'
const wait = ({ wait: seconds, retry_after: after }) => {
  const left = seconds ?? after
  return left ? `in ${left < 90 ? many(left, 'second') : many(Math.round(left / 60), 'minute')}` : 'later'
}
/** Words for people, by the code of a refusal: the server's own are for programs too. Refusals of the rules are not here, because
 *  theirs are for people. */
const REFUSALS = {
  MALFORMED_JSON: NOT_A_SAVE,
  JSON_TOO_DEEP: NOT_A_SAVE,
  NUMBER_OUT_OF_RANGE: NOT_A_SAVE,
  NOT_AN_OBJECT: NOT_A_SAVE,
  WRONG_TYPE: NOT_A_SAVE,
  WRONG_VALUE: 'That is not possible here. Change it, and try again.',
  MISSING_FIELD: NOT_A_SAVE,
  UNKNOWN_FIELD: NOT_A_SAVE,
  DUPLICATE_FIELD: NOT_A_SAVE,
  UNKNOWN_VALUE: AGAIN,
  BAD_QUERY: 'There is no such day. Choose another.',
  BAD_HEADER: AGAIN,
  BAD_BODY: 'It did not arrive whole. Try again.',
  JSON_REQUIRED: AGAIN,
  METHOD_NOT_ALLOWED: AGAIN,
  UPGRADE_REQUIRED: AGAIN,
  PREFLIGHT_REFUSED:
    'This page lives at an address that the server does not know. Open the game by the server\u2019s own.',
  ORIGIN_FORBIDDEN:
    'This page lives at an address that the server does not know. Open the game by the server\u2019s own.',
  UNKNOWN_HOST: 'The server does not go by the name in the address. Its admin can add it.',
  TOKEN_REQUIRED: 'This browser has no voyages here. A voyage opens in the browser that began it.',
  TOKEN_INVALID: 'This browser\u2019s key is no longer good. The start page begins anew.',
  ADMIN_TOKEN_REQUIRED: 'This is for the admin of the server.',
  OBSERVER_ONLY: 'This link is for looking on at one voyage, and this is another.',
  NOT_FOUND: AGAIN,
  SESSION_NOT_FOUND: 'There is no such voyage, or it belongs to another browser.',
  SESSION_EXPIRED: 'This voyage is gone for good.',
  SESSION_DAMAGED: 'This voyage\u2019s file cannot be read. It was kept; the server\u2019s admin can look at it.',
  CONTENT_NOT_FOUND: 'What this voyage is made of is not on the server. Its admin can look for it.',
  SLOT_NOT_FOUND: 'There is no such slot.',
  SLOT_EMPTY: 'There is nothing in this slot any more.',
  SLOT_READ_ONLY: 'Slot 0 is the voyage played last, and keeps itself.',
  BOARD_NOT_FOUND: 'There is no board of that day. Choose today, or a day that is past.',
  ENTRY_NOT_FOUND: 'This place on the board is free.',
  ENTRY_REFUSED: 'This entry is not what it says, and is shown no more.',
  BODY_TIMEOUT: 'It did not arrive in time. Try again.',
  BODY_TOO_LARGE: 'The file is larger than this server takes.',
  TOO_MANY_SESSIONS: 'You have as many unfinished voyages as this server allows. Finish one, or delete one, first.',
  TOO_MANY_OBSERVERS: 'As many look on as can. Try again when somebody has gone.',
  KEY_IN_PROGRESS: 'It is under way already.',
  KEY_REUSED: AGAIN,
  REPLACED: 'This voyage is being played in another tab or on another device.',
  GAME_NOT_FINISHED: 'That is told when the voyage is over.',
  PERMADEATH: 'This voyage has no way back: it is not saved, and no save takes its place, before it is over.',
  CHALLENGE_RUNNING: 'Others still play this challenge. It is told when the day is over.',
  STALE_REVISION: 'The game has gone on meanwhile. Look again, then decide.',
  BAD_NAME: 'A name has 1 to 40 letters that can be seen.',
  SAVE_INVALID: NOT_A_SAVE,
  SAVE_DIVERGES: ({ more, turn = more?.turn }) =>
    `This save was changed: played again, it leads elsewhere${turn ? `, from entry ${number(turn)} on` : ''}.`,
  CONTENT_UNKNOWN: 'This save was played with content that this server does not have.',
  TOO_MANY_REQUESTS: (problem) => `That was a lot at once. Go on ${wait(problem)}.`,
  TOO_MANY_CONNECTS: (problem) => `Many have come from this network at once. Try again ${wait(problem)}.`,
  SESSION_LIMIT_REACHED: (problem) => `All places of this server are taken. Try again ${wait(problem)}.`,
  STORE_FULL: 'This server keeps as many voyages as it can. Try again later.',
  SESSION_BUSY: 'Too much waits for this voyage. Nothing was changed; try again.',
  STORE_BUSY: 'The server has its hands full. Nothing was changed; try again.',
  NODE_OUTDATED:
    'This server knows your game only by older rules. Nothing was changed; try again, and another one answers.',
  STORE_UNAVAILABLE: 'The server cannot write just now. Nothing is lost; try again soon.',
  BAD_REQUEST: AGAIN,
  LENGTH_REQUIRED: AGAIN,
  EXPECTATION_FAILED: AGAIN,
  PRECONDITION_FAILED: 'It has changed meanwhile. Look again, then decide.',
  URI_TOO_LONG: 'There is no voyage at such a long address. Open the game anew.',
  HEADERS_TOO_LARGE:
    'This browser sends more cookies than the server takes. Clear those of this site, and open the game anew.',
  HEAD_TIMEOUT: 'It did not arrive in time. Try again.',
  KEY_WITHOUT_PLAYER: AGAIN,
  GAME_TOO_LONG: 'This voyage is longer than a save can hold. Play on; it keeps itself.',
  HISTORY_FULL: 'So many saves were loaded into this voyage that its log takes no more. Play on, or begin another one.',
  SAVE_UNPROVABLE:
    'This save is of older rules, and another server made it: nobody here can play it again, so it is not taken.',
  CHALLENGE_BEGUN:
    'You have begun the challenge of this day already. It is among your voyages; the next one begins at midnight UTC.',
  CHALLENGE_CLOSED:
    'The stars of this day are known already: the server\u2019s clock was ahead. The next challenge counts again.',
  CLOCK_UNSETTLED: (problem) =>
    `The server\u2019s clock was set a moment ago, and the challenge waits until it is sure of the day. Try again ${wait(problem)}.`,
  TOO_MUCH_WORK: (problem) =>
    `That was much work for the server at once. Go on ${wait(problem)}; the voyage itself goes on.`,
  TOO_MANY_CHALLENGES: (problem) =>
    `Many have begun the challenge from this network today. Any other voyage can begin now; or try again ${wait(problem)}.`,
  TOO_MANY_CONNECTIONS: (problem) => `Many are connected from this network. Try again ${wait(problem)}.`,
  SHUTTING_DOWN: 'The server is being restarted, and will be back. Every voyage is saved.',
  INTERNAL: 'Something in the server failed. The voyage is as it was; try again.',
}
const FOR_PROGRAMS =
  /\/api|\b(GET|POST|PUT|PATCH|DELETE|Authorization|Bearer|Idempotency|If-Match|JSON|HTTP|token|takeover|header)\b/

/** Why something was refused, in words for people. */
export function refusal(problem) {
  const words = REFUSALS[problem.code]
  if (words) return typeof words === 'function' ? words(problem) : words
  const { detail } = problem
  if (!problem.code && !detail) return 'The server cannot be reached.'
  return detail && !FOR_PROGRAMS.test(detail) ? detail : AGAIN
}
