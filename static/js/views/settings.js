// Settings: sound, motion, contrast, text, keys, hints.

import { h } from '../dom.js'
import { dialog } from '../parts.js'
import { change, settings } from '../settings.js'
import { play } from '../sound.js'
import { changed } from '../store.js'

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

export const settingsDialog = () =>
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
