export interface Import {
  readonly from: string
  readonly typeOnly: boolean
}

const STATEMENT = /^(?:import|export)\s(?:(type\s)?([^'"`;=]*?)\sfrom\s+)?'([^']+)'/gm
const DYNAMIC = /\bimport\(\s*(?:'([^']+)')?/g

/** The imports and re-exports of a source, in the format of this repository. */
export function importsOf(source: string): Import[] {
  const statements = [...source.matchAll(STATEMENT)].map(([, type, clause = '', from = '']) => {
    const names = clause
      .replaceAll(/[{}\s]+/g, ' ')
      .trim()
      .split(/\s*,\s*/)
      .filter((name) => name !== '')
    const typeOnly =
      type !== undefined || (names.length > 0 && names.every((name) => name.startsWith('type ')))
    return { from, typeOnly }
  })
  const dynamic = [...source.matchAll(DYNAMIC)].map(([, from = '(computed)']) => ({ from, typeOnly: false }))
  return [...statements, ...dynamic]
}
