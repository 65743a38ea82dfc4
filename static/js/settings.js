// The player's settings, kept in the browser.

const KEY = 'cosmic.settings'
const DEFAULTS = { sound: false, motion: 'auto', contrast: 'normal', text: 100, keys: true, beginner: true }

function read() {
  try {
    return { ...DEFAULTS, ...JSON.parse(localStorage.getItem(KEY) ?? '{}') }
  } catch {
    // There is no storage, or it holds something else.
    return { ...DEFAULTS }
  }
}

export const settings = read()

export function change(name, value) {
  settings[name] = value
  try {
    localStorage.setItem(KEY, JSON.stringify(settings))
  } catch {
    // Without storage the setting holds until the tab is closed.
  }
  show()
}

const still = matchMedia('(prefers-reduced-motion: reduce)')

/** Whether nothing should move. */
const calm = () => settings.motion === 'off' || (settings.motion === 'auto' && still.matches)

/** Hands the settings to the styles. */
export function show() {
  const root = document.documentElement
  root.dataset.motion = calm() ? 'off' : 'on'
  root.dataset.contrast = settings.contrast
  root.style.setProperty('--zoom', String(settings.text / 100))
}

still.addEventListener('change', show)
