// What the pages outside a game share: the sky behind them, and the way back.

import { stars } from '../art.js'
import { h } from '../dom.js'
import { icon } from '../icons.js'

const sky = () =>
  h(
    'svg',
    {
      class: 'cover',
      viewBox: '0 0 1440 900',
      preserveAspectRatio: 'xMidYMid slice',
      'aria-hidden': 'true',
      focusable: 'false',
    },
    h(
      'defs',
      {},
      h(
        'radialGradient',
        { id: 'limb', cx: '0.5', cy: '0.5', r: '0.5' },
        h('stop', { offset: '0.93', 'stop-color': '#141127' }),
        h('stop', { offset: '0.985', 'stop-color': '#241d42' }),
        h('stop', { offset: '1', 'stop-color': '#5b4a86' }),
      ),
      h(
        'radialGradient',
        { id: 'halo', cx: '0.5', cy: '0.5', r: '0.5' },
        h('stop', { offset: '0.86', 'stop-color': '#f2b25c', 'stop-opacity': '0.2' }),
        h('stop', { offset: '1', 'stop-color': '#f2b25c', 'stop-opacity': '0' }),
      ),
    ),
    stars('the cover', 420, 1440, 900),
    h('circle', { cx: 1220, cy: 1240, r: 860, fill: 'url(#halo)' }),
    h('circle', { cx: 1220, cy: 1240, r: 760, fill: 'url(#limb)' }),
    h(
      'g',
      { class: 'contours' },
      [680, 600, 525, 455, 390].map((r, ix) =>
        h('ellipse', { cx: 1220, cy: 1240, rx: r + 40, ry: r, transform: `rotate(${-8 - ix * 3} 1220 1240)` }),
      ),
    ),
    h(
      'g',
      { class: 'orbit' },
      h('ellipse', { cx: 1220, cy: 1240, rx: 1010, ry: 905, transform: 'rotate(-14 1220 1240)' }),
      h('circle', { class: 'moon', cx: 630, cy: 509, r: 13, transform: 'rotate(-14 1220 1240)' }),
    ),
    h(
      'g',
      { class: 'cover-ship', transform: 'translate(1010 250) rotate(-16) scale(1.5)' },
      h(
        'svg',
        { x: -50, y: -50, width: 100, height: 100, viewBox: '0 0 100 100', class: 'art' },
        h('path', {
          class: 'body',
          d: 'M90 50C80 43 62 41 46 42L20 34 14 38 24 46 16 50 24 54 14 62 20 66 46 58C62 59 80 57 90 50z',
        }),
        h('path', { class: 'fine', d: 'M74 46C70 48 70 52 74 54M46 42V58M58 42C56 46 56 54 58 58M24 46H40M24 54H40' }),
        h('path', { class: 'trail', d: 'M12 50H-150M12 45H-60M12 55H-80' }),
      ),
    ),
  )

/** A page before the sky. */
export const cover = (...kids) => h('div.start', {}, sky(), kids)

/** The way back to the start page, and the title of this one. */
export const masthead = (kicker, title) => [
  h('p', {}, h('a.back', { href: '#/' }, icon('flee'), 'Back')),
  h('header.masthead.small', {}, h('p.kicker', {}, kicker), h('h1', {}, title)),
]
