// Saves: the slots, on a page of their own and over a game.

import { call, post, Problem } from '../api.js'
import { shipArt } from '../art.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'
import { ask, button, close, dialog } from '../parts.js'
import { known, loadPlayer, readSlots, remember } from '../player.js'
import { afterLoad } from '../session.js'
import { changed, game, player, toast } from '../store.js'
import { iso, many, nameOf, refusal, since } from '../words.js'
import { masthead } from './cover.js'

/** The slots on a page of their own. */
export const savesView = () =>
  h('div.start', {}, h('main.start-main', { id: 'main', tabindex: -1 }, masthead('Saves', 'What was kept'), slots()))

/** The slots over a game. */
export const savesDialog = () => dialog('Saves', { key: 'saves', wide: true }, slots())

function slots() {
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

const slotCard = (slot, save) =>
  h(
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
    slotButtons(slot, save),
  )

function slotButtons(slot, save) {
  const playing = game.id && !game.watch && game.state
  return h(
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
    slot ? importButton(slot, save) : null,
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
  )
}

const importButton = (slot, save) =>
  h(
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

const overwrite = (slot, save, run) =>
  ask(
    `Write over slot ${slot}?`,
    `\u201c${iso(save.name)}\u201d, turn ${save.turn_count}, is replaced.`,
    'Write over it',
    run,
  )
const write = (slot) =>
  tried(() => call(`api/slots/${slot}`, { method: 'PUT', body: { session_id: game.id } }), `Saved in slot ${slot}.`)

/** Loads a save into the voyage that is open; else into a new one, so that nothing is lost. */
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
        // The voyage was begun for the save only.
        await call(`api/sessions/${id}`, { method: 'DELETE' }).catch(() => {})
        throw problem
      }
    }, `Slot ${slot} is loaded.`)
    if (!loaded) return
    close()
    if (here) await afterLoad()
    else location.hash = `#/play/${id}`
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
