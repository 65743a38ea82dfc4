// Views are functions that answer with descriptions of elements; `render` makes the page agree with them. Elements that stay are
// kept, and with them focus, scroll and what is typed. Texts are set as text; nothing here makes markup of them.

const SVG = 'http://www.w3.org/2000/svg'

/** Describes an element: `h('p.note', {id: 'x'}, 'text', [more])`. */
export function h(tag, props, ...kids) {
  if (props === null || typeof props !== 'object' || Array.isArray(props) || props.tag || 'text' in props) {
    kids.unshift(props)
    props = {}
  }
  const [name, ...classes] = tag.split('.')
  if (classes.length) {
    const more = props.class ? ` ${props.class}` : ''
    props = { ...props, class: classes.join(' ') + more }
  }
  return { tag: name, key: props.key, props, kids: flat(kids) }
}

function flat(kids, into = []) {
  for (const kid of kids) {
    if (kid === null || kid === undefined || kid === false || kid === true) continue
    if (Array.isArray(kid)) flat(kid, into)
    else into.push(typeof kid === 'object' ? kid : { text: String(kid) })
  }
  return into
}

/** Makes the children of an element agree with descriptions. */
export function render(root, ...kids) {
  const active = document.activeElement
  const inside = active && root.contains(active) ? active : null
  const haven = inside?.closest('[data-haven]')
  root.$kids = patchAll(root, root.$kids ?? [], flat(kids), root.namespaceURI === SVG)
  if (!inside || document.activeElement === inside) return
  // The element with the focus is gone: the focus stays in its part of the page, and does not go to the top.
  if (inside.isConnected && !inside.disabled) inside.focus({ preventScroll: true })
  else if (haven?.isConnected) haven.focus({ preventScroll: true })
}

function patchAll(parent, old, next, svg) {
  const keyed = new Map()
  const plain = new Map()
  for (const was of old) {
    if (was.key !== undefined) keyed.set(was.key, was)
    else {
      const kind = was.tag ?? '#'
      if (!plain.has(kind)) plain.set(kind, [])
      plain.get(kind).push(was)
    }
  }
  const matched = next.map((want) => {
    if (want.key !== undefined) {
      const was = keyed.get(want.key)
      if (was?.tag !== want.tag) return undefined
      keyed.delete(want.key)
      return was
    }
    return plain.get(want.tag ?? '#')?.shift()
  })
  const kept = new Set(matched)
  for (const was of old) {
    if (kept.has(was)) continue
    if (was.tag === 'dialog') {
      // A dialog that is closed before it is removed gives the focus back. The player did not close it: its `onclose` must not run.
      was.el.$on = {}
      was.el.close()
    }
    was.el.remove()
  }
  let at = parent.firstChild
  next.forEach((want, ix) => {
    const was = matched[ix]
    if (was) update(was, want, svg)
    else create(want, svg)
    if (want.el === at) at = at.nextSibling
    else parent.insertBefore(want.el, at)
    if (!was && want.props?.ref) want.props.ref(want.el)
  })
  return next
}

function create(want, svg) {
  if (want.tag === undefined) {
    want.el = document.createTextNode(want.text)
    return
  }
  const inSvg = svg || want.tag === 'svg'
  want.el = inSvg ? document.createElementNS(SVG, want.tag) : document.createElement(want.tag)
  want.el.$kids = patchAll(want.el, [], want.kids, inSvg && want.tag !== 'foreignObject')
  for (const name in want.props) set(want.el, name, want.props[name])
}

function update(was, want, svg) {
  // The same object: nothing in it can have changed.
  if (was === want) return
  const el = (want.el = was.el)
  if (want.tag === undefined) {
    if (was.text !== want.text) el.data = want.text
    return
  }
  const inSvg = svg || want.tag === 'svg'
  el.$kids = patchAll(el, el.$kids, want.kids, inSvg && want.tag !== 'foreignObject')
  for (const name in was.props) if (!(name in want.props)) set(el, name, null)
  for (const name in want.props) {
    const value = want.props[name]
    if (was.props[name] !== value || name === 'value' || name === 'checked') set(el, name, value, was.props[name])
  }
}

function set(el, name, value, before) {
  if (name === 'key' || name === 'ref') return
  if (name === 'vars') {
    for (const each in before ?? {}) if (!(each in (value ?? {}))) el.style.removeProperty(each)
    for (const each in value ?? {}) el.style.setProperty(each, value[each])
    return
  }
  if (name.startsWith('on')) {
    const type = name.slice(2)
    el.$on ??= {}
    if (!(type in el.$on)) el.addEventListener(type, (event) => el.$on[type]?.(event))
    el.$on[type] = value
    return
  }
  if (name === 'value' || name === 'checked') {
    // A field that the player types in is not set back to what it was.
    const wanted = value ?? (name === 'checked' ? false : '')
    if (before !== value && el[name] !== wanted) el[name] = wanted
    return
  }
  if (value === null || value === undefined || value === false) return el.removeAttribute(name)
  if (name === 'href' && !/^(#|blob:)/.test(value)) return el.removeAttribute(name)
  el.setAttribute(name, value === true ? '' : value)
}
