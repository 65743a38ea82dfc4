// A few quiet tones, made here; there are none unless the player has turned them on.

import { settings } from './settings.js'

let context

// Notes: `[hertz, seconds from the start, seconds, loudness]`.
const TUNES = {
  tap: [[520, 0, 0.05, 0.3]],
  travel: [
    [196, 0, 0.5, 0.5],
    [294, 0.12, 0.5, 0.4],
    [392, 0.26, 0.6, 0.3],
  ],
  find: [
    [523, 0, 0.16, 0.5],
    [659, 0.1, 0.16, 0.5],
    [784, 0.2, 0.3, 0.4],
  ],
  coin: [
    [880, 0, 0.08, 0.4],
    [1175, 0.07, 0.18, 0.35],
  ],
  hit: [[110, 0, 0.18, 0.8]],
  hurt: [
    [82, 0, 0.28, 0.9],
    [78, 0.05, 0.25, 0.7],
  ],
  fight: [
    [147, 0, 0.3, 0.6],
    [139, 0.18, 0.4, 0.6],
  ],
  event: [
    [330, 0, 0.4, 0.4],
    [440, 0.2, 0.5, 0.35],
  ],
  achieved: [
    [587, 0, 0.2, 0.4],
    [740, 0.14, 0.2, 0.4],
    [880, 0.28, 0.45, 0.4],
  ],
  win: [
    [392, 0, 0.3, 0.5],
    [523, 0.2, 0.3, 0.5],
    [659, 0.4, 0.3, 0.5],
    [784, 0.6, 0.8, 0.5],
  ],
  end: [
    [294, 0, 0.5, 0.5],
    [247, 0.35, 0.5, 0.5],
    [196, 0.7, 1, 0.5],
  ],
}

export function play(tune) {
  if (!settings.sound || document.hidden) return
  context ??= new AudioContext()
  if (context.state === 'suspended') context.resume()
  const begin = context.currentTime + 0.01
  for (const [pitch, at, length, loudness] of TUNES[tune] ?? []) {
    const tone = context.createOscillator()
    const gain = context.createGain()
    tone.type = pitch < 160 ? 'triangle' : 'sine'
    tone.frequency.value = pitch
    gain.gain.setValueAtTime(0, begin + at)
    gain.gain.linearRampToValueAtTime(loudness * 0.16, begin + at + 0.015)
    gain.gain.exponentialRampToValueAtTime(0.0001, begin + at + length)
    tone.connect(gain).connect(context.destination)
    tone.start(begin + at)
    tone.stop(begin + at + length + 0.05)
  }
}

/** Plays what an outcome sounds like: the most important of its events. */
export function playOutcome(events) {
  const has = (type) => events.some((event) => event.type === type)
  if (has('victory')) return play('win')
  if (has('defeat')) return play('end')
  if (has('achieved') || has('quest_completed')) return play('achieved')
  if (has('combat_began')) return play('fight')
  if (events.some((event) => event.type === 'damage' && event.amount > 0)) return play('hurt')
  if (has('hit') || has('enemy_destroyed')) return play('hit')
  if (has('happened')) return play('event')
  if (events.some((event) => event.type === 'item' && event.reason !== 'purchase')) return play('find')
  if (has('arrived') || has('jumped')) return play('travel')
  if (events.some((event) => event.type === 'credits') || has('item') || has('mod_fitted')) return play('coin')
  play('tap')
}

document.addEventListener('visibilitychange', () => {
  if (document.hidden) context?.suspend()
})
