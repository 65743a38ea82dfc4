// The menu of a game, and the link for watchers.

import { at, post } from '../api.js'
import { h } from '../dom.js'
import { button, close, dialog, showDialog } from '../parts.js'
import { rename } from '../session.js'
import { changed, game, player, toast, ui } from '../store.js'
import { refusal } from '../words.js'

const opens = (name) => () => {
  // Another device may have saved meanwhile.
  if (name === 'saves') player.slots = player.slotsProblem = null
  showDialog(name)
}

export const menuDialog = () =>
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
      button('Saves', opens('saves'), { sign: 'save' }),
      button('Let others watch', invite, { sign: 'eye' }),
      button(
        'Rename',
        () => {
          ui.dialog = { name: 'menu', naming: true }
          changed()
        },
        { sign: 'log' },
      ),
      button('How to play', opens('help'), { sign: 'help' }),
      button('Settings', opens('settings'), { sign: 'gear' }),
      button(
        'To the start page',
        () => {
          close()
          location.hash = '#/'
        },
        { sign: 'home' },
      ),
    ),
    ui.dialog.naming ? naming() : null,
  )

const naming = () =>
  h(
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

export const watchDialog = ({ link, until }) =>
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
