/** Promises of the documents, and the tests they name. */

export interface Promised {
  readonly promise: string
  readonly tests: readonly string[]
}

/**
 * The `###` sections, and the items of the list under `## In common`. A section names its tests in the paragraph that
 * begins with `_Tests:_`, an item in the parentheses at its end. A promise without any has an empty list.
 */
export function promisesOf(markdown: string): readonly Promised[] {
  return [...sectionsOf(markdown), ...commonFactsOf(markdown)]
}

function sectionsOf(markdown: string): readonly Promised[] {
  return markdown
    .split(/^(?=#{1,3} )/m)
    .filter((section) => section.startsWith('### '))
    .map((section) => ({
      promise: /^### (.*)/.exec(section)?.[1] ?? '',
      tests: codesOf(/^_Tests:_ (?:.+\n?)+/m.exec(section)?.[0] ?? ''),
    }))
}

function commonFactsOf(markdown: string): readonly Promised[] {
  const list = /^## In common\n(?:(?!^#).*\n?)*/m.exec(markdown)?.[0] ?? ''
  return list
    .split(/^(?=- )/m)
    .slice(1)
    .map((item) => ({
      promise: item.slice(2).split('\n')[0] ?? '',
      tests: codesOf(/\(([^()]*)\)\.\s*$/.exec(item)?.[1] ?? ''),
    }))
}

/** The texts in backticks. */
export function codesOf(markdown: string): readonly string[] {
  return [...markdown.matchAll(/`([^`]+)`/g)].map(([, code = '']) => code)
}
