/**
 * The first key that an object in a JSON text has twice. `JSON.parse` keeps the last of the two without a word,
 * and an order with two quantities is one that nobody can place.
 *
 * Expects text that `JSON.parse` has accepted.
 */
export function duplicateKey(json: string): string | undefined {
  const open: Set<string>[] = []
  for (const [token, string, colon] of json.matchAll(TOKENS)) {
    if (token === '{') open.push(new Set())
    else if (token === '}') open.pop()
    else if (string !== undefined && colon !== undefined) {
      const key = JSON.parse(string) as string
      const keys = open.at(-1)
      if (keys?.has(key) === true) return key
      keys?.add(key)
    }
  }
  return undefined
}

/** Braces, and strings with the colon that makes a key of them. */
const TOKENS = /[{}]|("(?:[^"\\]|\\.)*")(\s*:)?/g
