// What lies over the page: help, settings, saves, the link for watchers, and questions.

import { at, call, post, Problem } from '../api.js'
import { shipArt } from '../art.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { ask, button, close, dialog } from '../parts.js'
import { afterLoad, rename } from '../session.js'
import { change, settings } from '../settings.js'
import { play } from '../sound.js'
import { changed, game, player, toast, ui } from '../store.js'
import { iso, many, nameOf, refusal, since } from '../words.js'
import { known, loadPlayer, readSlots, remember } from './start.js'

export function dialogs() {
  const { dialog: open } = ui
  if (!open) return null
  return (
    { help, settings: settingsDialog, saves: savesDialog, watch: watchDialog, ask: askDialog, menu: menuDialog }[
      open.name
    ]?.(open) ?? null
  )
}

function askDialog(open) {
  const { title, text, yes, run, back } = open
  const done = () => {
    ui.dialog = back ?? null
    changed()
  }
  return dialog(
    title,
    { key: 'ask', onclose: done },
    h('p', {}, text),
    h(
      'div.row.end',
      {},
      button('No', done),
      button(
        yes,
        (event) => {
          // The second half of a double click was meant for what stood there before; and one answer is enough.
          if (event.detail > 1 || ui.dialog !== open) return
          done()
          run()
        },
        { class: 'danger' },
      ),
    ),
  )
}

// Help ----------------------------------------------------------------------------------------------------------------------

const KEYS = [
  ['1 \u2013 9', 'do what has that number'],
  ['Arrows', 'from place to place on the map'],
  ['Enter', 'travel there'],
  ['+  \u2212  0', 'zoom the map, show all of it'],
  ['H  M  S  T  Q  L  A', 'here, map, ship, market, work, log, deeds'],
  ['X', 'the chosen place off'],
  ['?', 'this page'],
  ['Esc', 'close what is open'],
]

const chapter = (title, ...kids) => h('section', {}, h('h3', {}, title), kids)
const paragraph = (words) => h('p', {}, words)

const help = () =>
  dialog(
    'How to play',
    { key: 'help', wide: true },
    h(
      'div.help',
      {},
      chapter(
        'What it is about',
        paragraph(
          'You have 120 turns to bring your purse to the sum that stands beside it. Travelling, scanning, mining, salvaging, waiting and looking for a fight take a turn each; buying, selling and fitting do not.',
        ),
        paragraph(
          'Each turn the crew eats a ration. Without food health goes, without health the crew, without hull the ship. A flight pod is a second chance.',
        ),
      ),
      chapter(
        'The first turns',
        h(
          'ol',
          {},
          [
            'Scan: it charts what lies around you.',
            'Look at the market, and at the board for work. Buy what is far below its usual price.',
            'Travel to a neighbour. The shorter the red arc around a place, the calmer it is.',
            'Sell where they pay more than usual, turn in work, mend and refuel while you can.',
            'When a region holds nothing more for you, jump to the next one: the first arrival is rewarded.',
          ].map((text) => h('li', {}, text)),
        ),
      ),
      chapter(
        'Odds',
        paragraph(
          'Beside each action stands what it takes and how likely it goes well: on a route, to arrive unhurt and unmet; with a scan, to find something; in a fight, to hit. What cannot be done now is grey, and says why.',
        ),
      ),
      chapter(
        'In a fight',
        paragraph(
          'Attack is plain. Evasive maneuvers hit less and are hit much less. A precise shot wants a targeting computer, a barrage two weapons. You can flee, or pay them off if there is anybody to pay.',
        ),
      ),
      chapter(
        'Coming and going',
        paragraph(
          'Every turn is on the server\u2019s disk before you see it. Close the page whenever you like; the start page brings you back. One tab plays a game at a time, and the newest one that asks for it gets it.',
        ),
      ),
      chapter(
        'Keys',
        h(
          'dl.keys',
          {},
          KEYS.map(([keys, text]) =>
            h(
              'div',
              { key: keys },
              h(
                'dt',
                {},
                keys.split('  ').map((each) => h('kbd', {}, each)),
              ),
              h('dd', {}, text),
            ),
          ),
        ),
        h('p.quiet', {}, 'Single keys can be turned off under Settings.'),
      ),
    ),
  )

// Settings ------------------------------------------------------------------------------------------------------------------

const set = (name, value) => {
  change(name, value)
  if (name === 'sound') play('coin')
  changed()
}
const options = (name, legend, choices) =>
  h(
    'fieldset.options',
    {},
    h('legend', {}, legend),
    choices.map(([value, label]) =>
      h(
        'label.option',
        { key: String(value), class: settings[name] === value ? 'on' : '' },
        h('input', { type: 'radio', name, checked: settings[name] === value, onchange: () => set(name, value) }),
        h('span', {}, label),
      ),
    ),
  )

const settingsDialog = () =>
  dialog(
    'Settings',
    { key: 'settings' },
    h(
      'div.settings',
      {},
      options('sound', 'Sound', [
        [false, 'Off'],
        [true, 'On'],
      ]),
      options('motion', 'Motion', [
        ['auto', 'As the system says'],
        ['on', 'On'],
        ['off', 'Off'],
      ]),
      options('contrast', 'Contrast', [
        ['normal', 'Normal'],
        ['high', 'High'],
      ]),
      options('text', 'Text', [
        [90, 'Small'],
        [100, 'Normal'],
        [115, 'Large'],
        [130, 'Larger'],
      ]),
      options('keys', 'Single keys', [
        [true, 'On'],
        [false, 'Off'],
      ]),
      options('beginner', 'Hints', [
        [true, 'On'],
        [false, 'Off'],
      ]),
      h('p.quiet', {}, 'Kept in this browser.'),
    ),
  )

// The menu of a game ----------------------------------------------------------------------------------------------------------

const go = (name) => () => {
  ui.dialog = { name }
  // Another device may have saved meanwhile.
  if (name === 'saves') player.slots = player.slotsProblem = null
  changed()
}

const menuDialog = () =>
  dialog(
    game.name || 'This voyage',
    { key: 'menu' },
    game.state?.challenge
      ? h('p.quiet', {}, `Daily challenge of ${game.state.challenge.date}, ${game.state.difficulty}. No way back.`)
      : h(
          'p.quiet',
          {},
          `Difficulty: ${game.state?.difficulty ?? ''}${game.state?.permadeath ? '. No way back' : ''}.`,
        ),
    h(
      'div.menu',
      {},
      button('Saves', go('saves'), { sign: 'save' }),
      button('Let others watch', invite, { sign: 'eye' }),
      button(
        'Rename',
        () => {
          ui.dialog = { name: 'menu', naming: true }
          changed()
        },
        { sign: 'log' },
      ),
      button('How to play', go('help'), { sign: 'help' }),
      button('Settings', go('settings'), { sign: 'gear' }),
      button(
        'To the start page',
        () => {
          close()
          location.hash = '#/'
        },
        { sign: 'home' },
      ),
    ),
    ui.dialog.naming
      ? h(
          'form.naming',
          {
            onsubmit: (event) => {
              event.preventDefault()
              renamed(new FormData(event.target).get('name'))
            },
          },
          h(
            'label.field',
            {},
            h('span', {}, 'New name'),
            h('input', {
              name: 'name',
              type: 'text',
              maxlength: 40,
              value: game.name,
              ref: (el) => queueMicrotask(() => el.focus()),
            }),
          ),
          h('button.button.primary', { type: 'submit' }, h('span', {}, 'Rename')),
        )
      : null,
  )

async function renamed(name) {
  try {
    await rename(name)
    close()
    toast('Renamed.')
  } catch (problem) {
    toast(refusal(problem), 'danger')
  }
}

async function invite() {
  try {
    const { link, expires_at: until } = await post(`api/sessions/${game.id}/observers`)
    ui.dialog = { name: 'watch', link: at(link), until }
  } catch (problem) {
    toast(refusal(problem), 'danger')
  }
  changed()
}

const watchDialog = ({ link, until }) =>
  dialog(
    'Let others watch',
    { key: 'watch' },
    h('p', {}, 'Whoever has this link sees the voyage as it goes, and can change nothing.'),
    h(
      'label.field',
      {},
      h('span', {}, 'Link'),
      h('input', { type: 'text', readonly: true, value: link, onfocus: (event) => event.target.select() }),
    ),
    h('p.quiet', {}, `Good until ${new Date(until).toLocaleDateString()}.`),
    h(
      'div.row.end',
      {},
      button(
        'Copy',
        async () => {
          try {
            await navigator.clipboard.writeText(link)
            toast('The link is in the clipboard.')
          } catch {
            toast('The browser did not allow it. Select the link and copy it.', 'danger')
          }
        },
        { sign: 'link', class: 'primary' },
      ),
    ),
  )

// Saves ---------------------------------------------------------------------------------------------------------------------

const savesDialog = () => dialog('Saves', { key: 'saves', wide: true }, slots())

/** The slots, in a dialog of a game or on a page of their own. */
export function slots() {
  if (player.slotsProblem)
    return h(
      'div.slots',
      {},
      h('p', {}, refusal(player.slotsProblem)),
      h('div.row', {}, button('Try again', loadSlots, { class: 'primary' })),
    )
  if (player.slots === null) {
    loadSlots()
    return h('div.slots', {}, h('p.quiet', {}, 'Looking\u2026'))
  }
  const kept = new Map(player.slots.map((slot) => [slot.slot, slot]))
  return h(
    'div.slots',
    {},
    h(
      'p.quiet',
      {},
      'Slot 0 is the game played last, as it stands. A voyage that was loaded, exported or imported is no longer ranked.',
    ),
    h(
      'ol.slot-list',
      { start: 0 },
      [0, 1, 2, 3, 4].map((slot) => slotCard(slot, kept.get(slot))),
    ),
  )
}

let loadingSlots = false
async function loadSlots() {
  if (loadingSlots) return
  loadingSlots = true
  player.slotsProblem = null
  try {
    if (known()) await readSlots()
    else player.slots = []
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem
    if (problem.code === 'TOKEN_REQUIRED') player.slots = []
    else player.slotsProblem = problem
  } finally {
    loadingSlots = false
    changed()
  }
}

async function tried(run, done) {
  try {
    const answer = await run()
    if (done) toast(done)
    await readSlots()
    return answer
  } catch (problem) {
    if (!(problem instanceof Problem)) throw problem
    toast(refusal(problem), 'danger', 12)
    return undefined
  } finally {
    changed()
  }
}

function slotCard(slot, save) {
  const playing = game.id && !game.watch && game.state
  return h(
    'li.slot',
    { key: slot, value: slot },
    save ? shipArt(save.ship_type, 'thumb') : h('span.slot-empty', { 'aria-hidden': 'true' }, icon('save')),
    h(
      'div.slot-words',
      {},
      h('b', {}, slot ? `Slot ${slot}` : 'Slot 0, played last'),
      save
        ? [
            h('span', {}, h('bdi', {}, save.name)),
            h(
              'span.quiet',
              {},
              `${iso(save.place)}; turn ${save.turn_count}, ${many(save.wealth, 'credit')}, ${nameOf.ship(save.ship_type)}, ${save.difficulty}${save.game_over ? `, ${save.victory ? 'won' : 'over'}` : ''}. Saved ${since(save.saved_at)}.`,
            ),
          ]
        : h('span.quiet', {}, 'Empty'),
    ),
    h(
      'div.row',
      {},
      slot && playing && (!game.state.permadeath || game.state.game_over)
        ? button('Save here', () => (save ? overwrite(slot, save, () => write(slot)) : write(slot)), {
            sign: 'save',
            label: `Save here, slot ${slot}`,
          })
        : null,
      slot === 0 && save && !playing
        ? h('a.button', { href: `#/play/${save.session_id}` }, icon('ship'), h('span', {}, 'Open'))
        : null,
      slot && save && !(playing && game.state.permadeath)
        ? button('Load', () => loadInto(slot, save), { sign: 'ship', label: `Load slot ${slot}` })
        : null,
      save
        ? button('Export', () => exportFile(slot), { sign: 'download', label: `Export slot ${slot} as a file` })
        : null,
      slot
        ? h(
            'label.button.file',
            {},
            icon('upload'),
            h('span', {}, 'Import'),
            h('input.unseen', {
              type: 'file',
              accept: 'application/json,.json',
              'aria-label': `Import a file into slot ${slot}`,
              onchange: (event) => importFile(slot, save, event.target),
            }),
          )
        : null,
      slot && save
        ? button(
            '',
            () =>
              ask(
                `Empty slot ${slot}?`,
                `\u201c${iso(save.name)}\u201d, turn ${save.turn_count}, goes for good. The voyage itself stays.`,
                'Empty it',
                () => tried(() => call(`api/slots/${slot}`, { method: 'DELETE' }), `Slot ${slot} is empty.`),
              ),
            { sign: 'trash', label: `Empty slot ${slot}` },
          )
        : null,
    ),
  )
}

const overwrite = (slot, save, run) =>
  ask(
    `Write over slot ${slot}?`,
    `\u201c${iso(save.name)}\u201d, turn ${save.turn_count}, is replaced.`,
    'Write over it',
    run,
  )
const write = (slot) =>
  tried(() => call(`api/slots/${slot}`, { method: 'PUT', body: { session_id: game.id } }), `Saved in slot ${slot}.`)

/** Into the voyage that is open; else into a new one, so that nothing is lost. */
function loadInto(slot, save) {
  const here = game.id && game.state && !game.watch
  const text = here
    ? `The voyage as it stands now is replaced by \u201c${iso(save.name)}\u201d, turn ${save.turn_count}. Its history stays.`
    : `\u201c${iso(save.name)}\u201d, turn ${save.turn_count}, is loaded into a new voyage.`
  ask(`Load slot ${slot}?`, text, 'Load it', async () => {
    let id = game.id
    const loaded = await tried(async () => {
      if (here) return post(`api/slots/${slot}/load`, { session_id: id })
      id = (await post('api/sessions', { name: save.name })).session_id
      try {
        return await post(`api/slots/${slot}/load`, { session_id: id })
      } catch (problem) {
        // Nobody wanted an empty voyage.
        await call(`api/sessions/${id}`, { method: 'DELETE' }).catch(() => {})
        throw problem
      }
    }, `Slot ${slot} is loaded.`)
    if (!loaded) return
    close()
    if (here) {
      await afterLoad()
    } else location.hash = `#/play/${id}`
  })
}

async function exportFile(slot) {
  await tried(async () => {
    const { text, response } = await call(`api/slots/${slot}/export`, { text: true, seconds: 60 })
    const name =
      /filename="([^"]+)"/.exec(response.headers.get('Content-Disposition') ?? '')?.[1] ?? 'cosmic-explorer.json'
    const link = document.createElement('a')
    link.href = URL.createObjectURL(new Blob([text], { type: 'application/json' }))
    link.download = name
    document.body.append(link)
    link.click()
    link.remove()
    setTimeout(() => URL.revokeObjectURL(link.href), 10000)
  }, 'The file is on its way.')
}

async function importFile(slot, save, input) {
  const [file] = input.files
  if (!file) return
  const text = await file.text()
  input.value = ''
  try {
    JSON.parse(text)
  } catch {
    toast(`${iso(file.name)} is not a save of this game.`, 'danger')
    return
  }
  const run = async () => {
    const saved = await tried(async () => {
      const answer = await post(`api/slots/${slot}/import`, text, { seconds: 60 })
      remember()
      return answer
    }, 'Played again and found true. It is in the slot.')
    if (saved) loadPlayer()
  }
  if (save) overwrite(slot, save, run)
  else run()
}
