// Work: what is in hand, and what the dock offers.

import { h } from '../dom.js'
import { icon } from '../icons.js'
import { action, ask, button, section, sheetHead } from '../parts.js'
import { act } from '../session.js'
import { find, game, goalOf, nodeById } from '../store.js'
import { goods, iso, many, nameOf, titled } from '../words.js'
import { pick } from './map/targets.js'

export function questsView() {
  const { state } = game
  const most = game.content?.limits?.active_quests ?? 3
  return h(
    'div.sheet.quests',
    { 'data-haven': true, tabindex: -1 },
    sheetHead(
      'Work',
      'Promises',
      'Docks post work. Take it on there, do it, and turn it in where it is paid. Broken promises cost a part of the pay.',
    ),
    h(
      'div.columns',
      {},
      h(
        'div.column',
        {},
        section(
          `In hand, ${state.active_quests.length} of ${most}`,
          state.active_quests.length
            ? state.active_quests.map((quest) => one(quest, true))
            : h('p.quiet', {}, 'Nothing promised to anybody.'),
        ),
      ),
      h(
        'div.column',
        {},
        section(
          'On the board here',
          state.offered_quests.length
            ? state.offered_quests.map((quest) => one(quest, false))
            : h('p.quiet', {}, 'Nothing is posted here now. Work appears at docks, as time goes by.'),
        ),
      ),
    ),
  )
}

function one(quest, active) {
  const { state } = game
  const left = active ? quest.deadline - state.turn_count : quest.deadline
  const where = nodeById(quest.target_node_id)
  const goal = active ? goalOf(quest) : quest.target_node_id
  const payable = active && Boolean(find('turn_in_quest', { quest: quest.id }).offer)
  return h(
    'article.quest',
    { key: quest.id, class: payable ? 'done' : '' },
    h(
      'header',
      {},
      icon(quest.kind),
      h('div', {}, h('p.kicker', {}, titled(quest.kind)), h('h4', {}, h('bdi', {}, quest.title))),
    ),
    h('p.story', {}, quest.text),
    h(
      'ul.terms',
      {},
      h('li', {}, icon('credits'), many(quest.reward, 'credit')),
      h(
        'li',
        { class: active && left < 6 ? 'bad' : '' },
        icon('turn'),
        active ? `${many(Math.max(0, left), 'turn')} left` : `within ${many(left, 'turn')}`,
      ),
      h(
        'li',
        {},
        icon('here'),
        where.node
          ? `${iso(where.node.name)}, ${iso(where.region.name)}`
          : `somewhere in ${nameOf.region(quest.target_region_id)}`,
      ),
      quest.enemy_type ? h('li', {}, icon('fight'), nameOf.enemy(quest.enemy_type)) : null,
      quest.cargo_weight ? h('li', {}, icon('cargo'), `weighs ${quest.cargo_weight}`) : null,
      quest.takes ? h('li', {}, icon('lock'), `needs ${goods(quest.takes, 1)}`) : null,
      active ? stage(quest, payable) : null,
    ),
    game.watch ? null : active ? inHand(quest, goal) : offered(quest),
  )
}

/** What can be done about work in hand. */
const inHand = (quest, goal) =>
  h(
    'div.row',
    {},
    action(find('turn_in_quest', { quest: quest.id }), { text: 'Turn in', note: '', sign: 'check', numbered: false }),
    goal && nodeById(goal).node ? button('On the map', () => showOnMap(goal), { sign: 'map' }) : null,
    find('abandon_quest', { quest: quest.id }).offer
      ? button('Give up', () => askToGiveUp(quest), { sign: 'close' })
      : null,
  )

function showOnMap(goal) {
  location.hash = `#/play/${game.id}/map`
  // By then the map is drawn.
  setTimeout(() => pick(goal, true), 60)
}

const askToGiveUp = (quest) =>
  ask(
    'Give this up?',
    `\u201c${iso(quest.title)}\u201d cannot be taken on again, and giving up costs a part of the pay.`,
    'Give it up',
    () => act({ type: 'abandon_quest', quest: quest.id }),
  )

const offered = (quest) =>
  action(find('accept_quest', { quest: quest.id }), {
    text: 'Take it on',
    note: 'A promise, with a deadline',
    sign: 'check',
    numbered: false,
  })

/** How far work in hand is. */
function stage(quest, payable) {
  if (payable) return h('li.good', {}, icon('check'), 'done, and paid here')
  if (quest.kind === 'delivery') return h('li', {}, icon('cargo'), `aboard, for ${nameOf.node(quest.target_node_id)}`)
  if (!quest.done) return null
  const where = quest.kind === 'rescue' ? `paid at ${nameOf.node(quest.giver_node_id)}` : 'paid at any dock'
  return h('li.good', {}, icon('check'), `done, ${where}`)
}
