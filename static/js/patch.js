// Brings a state up to date by what has changed: a JSON Patch (RFC 6902), of which the server says add, replace and remove. The old state
// stays as it was.

export const patched = (state, changes) => changes.reduce((value, one) => changed(value, namesIn(one.path), one), state)

const namesIn = (path) =>
  path
    .split('/')
    .slice(1)
    .map((name) => name.replaceAll('~1', '/').replaceAll('~0', '~'))

function changed(value, [name, ...deeper], one) {
  if (name === undefined) return one.value
  const copy = Array.isArray(value) ? [...value] : { ...value }
  if (deeper.length) copy[name] = changed(value[name], deeper, one)
  else if (one.op === 'replace' || (one.op === 'add' && !Array.isArray(copy))) copy[name] = one.value
  else if (one.op === 'add') copy.splice(name, 0, one.value)
  else if (Array.isArray(copy)) copy.splice(name, 1)
  else delete copy[name]
  return copy
}
