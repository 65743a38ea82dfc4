// What lies over the page: which dialog is open, and the one that asks.

import { h } from '../dom.js'
import { button, dialog } from '../parts.js'
import { changed, ui } from '../store.js'
import { helpDialog } from './help.js'
import { menuDialog, watchDialog } from './menu.js'
import { savesDialog } from './saves.js'
import { settingsDialog } from './settings.js'

const DIALOGS = {
  help: helpDialog,
  settings: settingsDialog,
  saves: savesDialog,
  watch: watchDialog,
  ask: askDialog,
  menu: menuDialog,
}

export const dialogs = () => (ui.dialog ? (DIALOGS[ui.dialog.name]?.(ui.dialog) ?? null) : null)

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
          // The second click of a double click was meant for what stood here before; and one answer is enough.
          if (event.detail > 1 || ui.dialog !== open) return
          done()
          run()
        },
        { class: 'danger' },
      ),
    ),
  )
}
