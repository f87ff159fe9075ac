/** Extracts the `@example` blocks of the packages' docstrings, and turns each into a module that tests compile and run. */
import { readFileSync, globSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { root } from './documents.ts'

/** The index files, by the names under which users import them. */
const INDEXES: Readonly<Record<string, string>> = {
  '@leasehold/core': 'packages/core/src/index.ts',
  '@leasehold/core/ambient': 'packages/core/src/ambient/index.ts',
  '@leasehold/core/testing': 'packages/core/src/testing/index.ts',
  '@leasehold/mysql': 'packages/mysql/src/index.ts',
}

const UNIT_OF_WORK = 'packages/core/src/unit-of-work/unit-of-work.ts'

/** Classes without need of an example: users catch errors, and drivers receive statements, but neither makes them. */
const NOT_MADE_BY_USERS = /Error$|^Statement$/

export interface Example {
  /** The function, class or constant; `Owner.member` for a member. */
  readonly name: string
  readonly file: string
  readonly code: string
}

/** All examples of both packages, in the order of files and lines. */
export function examples(): readonly Example[] {
  return globSync('packages/*/src/**/*.ts', { cwd: root })
    .sort()
    .flatMap((file) => examplesIn(file))
}

/** The exported functions and classes, and the methods of `UnitOfWork`, that need an example. */
export function namesThatNeedExamples(): readonly string[] {
  const exported = exports().filter(
    ({ kind, name }) => kind === 'function' || (kind === 'class' && !NOT_MADE_BY_USERS.test(name)),
  )
  const [, body = ''] = /^export interface UnitOfWork<[^{]* \{\n(.*?)^\}/ms.exec(sourceOf(UNIT_OF_WORK)) ?? []
  const methods = [...body.matchAll(/^ {2}(\w+)[<(]/gm)].map(([, method]) => `UnitOfWork.${method}`)
  return [...new Set([...exported.map(({ name }) => name), ...methods])]
}

/**
 * A module whose default export runs the example. It imports the exported names that the example uses, and the names
 * of the prelude, by the path `prelude`.
 */
export function moduleOf({ code }: Example, prelude: string): string {
  const imports = code.split('\n').filter((line) => line.startsWith('import '))
  const rest = code.split('\n').filter((line) => !line.startsWith('import '))
  const uses = (name: string): boolean =>
    new RegExp(String.raw`(?<!\w|(?<!\.\.)\.)${name}\b`).test(rest.join('\n')) &&
    !imports.some((line) => new RegExp(String.raw`\b${name}\b`).test(line))
  const importOf = (source: string, names: readonly string[]): string =>
    names.length === 0 ? '' : `import { ${names.join(', ')} } from '${source}'`
  const preludeNames = [
    ...sourceOf('test/mysql/support/docstring-prelude.ts').matchAll(/^export (?:const|function) (\w+)/gm),
  ].map(([, name = '']) => name)
  return [
    ...imports,
    ...Object.keys(INDEXES).map((source) =>
      importOf(
        source,
        exports()
          .filter((found) => found.source === source && uses(found.name))
          .map(({ kind, name }) => (kind === 'type' ? `type ${name}` : name)),
      ),
    ),
    importOf(prelude, ['type Context', 'type Database', ...preludeNames.filter(uses)]),
    'export default async ({ check, throws, uow }: Context): Promise<void> => {',
    // A block of its own, since examples declare names of the context again.
    '{',
    ...checkedStatements(rest),
    '}',
    '}',
    '',
  ].join('\n')
}

interface Exported {
  readonly name: string
  readonly kind: 'function' | 'class' | 'const' | 'type'
  readonly source: string
}

function exports(): readonly Exported[] {
  return Object.entries(INDEXES).flatMap(([source, index]) =>
    [...sourceOf(index).matchAll(/^export (type )?\{(.*?)\} from '(.*?)'$/gms)].flatMap(
      ([, onlyTypes, list = '', path = '']) =>
        list
          .split(',')
          .map((item) => item.trim())
          .filter((item) => item !== '')
          .map((item): Exported => {
            const name = item.replace(/^type /, '')
            if (onlyTypes !== undefined || item !== name) return { name, kind: 'type', source }
            return { name, kind: kindOf(name, join(dirname(index), path)), source }
          }),
    ),
  )
}

function kindOf(name: string, file: string): Exported['kind'] {
  const declaration = new RegExp(
    String.raw`^export (?:async |abstract )*(function|class|const)\*? ${name}\b`,
    'm',
  )
  const kind = declaration.exec(sourceOf(file))?.[1] as Exported['kind'] | undefined
  if (kind === undefined) throw new Error(`${file}: found no declaration of ${name}`)
  return kind
}

function examplesIn(file: string): readonly Example[] {
  const source = sourceOf(file)
  const docstrings = source.matchAll(/^( *)\/\*\*((?:(?!\*\/).)*)\*\/\n\1([^\n]*)$/gms)
  return [...docstrings].flatMap(({ 2: text = '', 3: declaration = '', index }) => {
    const lines = text.split('\n').map((line) => line.replace(/^ *\* ?/, ''))
    const blocks = [...lines.join('\n').matchAll(/^@example\n```ts\n(.*?)^```$/gms)]
    if (blocks.length !== lines.filter((line) => line.startsWith('@example')).length) {
      throw new Error(`${file}: @example stands for itself, and a \`\`\`ts block begins in the next line`)
    }
    const member = nameIn(declaration)
    const owner = source
      .slice(0, index)
      .match(/^export (?:abstract )?(?:class|interface) \w+|^\}$/gm)
      ?.at(-1)
    const name = owner === undefined || owner === '}' ? member : `${owner.split(' ').at(-1)}.${member}`
    return blocks.map(([, code = '']) => ({ name, file, code: code.trimEnd() }))
  })
}

function nameIn(declaration: string): string {
  return declaration.replace(
    /^(?:export |async |abstract |readonly |function\*? |class |interface |const |type )*([\w$]+).*$/s,
    '$1',
  )
}

/** Turns trailing comments, which are results, into checks. */
function checkedStatements(lines: readonly string[]): readonly string[] {
  const statements: string[][] = []
  for (const line of lines) {
    const continues = /^[\s)\]}]/.test(line) && line !== ''
    if (continues) statements.at(-1)?.push(line)
    else statements.push([line])
  }
  return statements.map((statement) => checkedStatement(statement.join('\n')))
}

function checkedStatement(statement: string): string {
  if (statement.startsWith('//')) return statement
  const comments = [...statement.matchAll(/\S \/\/ (.*)$/gm)]
  const [comment] = comments
  if (comment === undefined) return statement
  const [, expected = ''] = comment
  if (comments.length > 1 || !statement.endsWith(` // ${expected}`)) {
    throw new Error(`a trailing comment is a result, and stands behind a whole statement: ${statement}`)
  }
  const code = statement.slice(0, -` // ${expected}`.length)
  const [, error] = /^throws (\w+)$/.exec(expected) ?? []
  if (error !== undefined) return `await throws(async () => { ${code} }, '${error}')`
  const [, declared] = /^(?:const|let) (\w+|\{[^}]*\}|\[[^\]]*\])(?:: [^=]+)? = /.exec(code) ?? []
  if (declared !== undefined) return `${code}\ncheck(${declared}, ${JSON.stringify(expected)})`
  const [, printed] = /^console\.log\((.*)\)$/s.exec(code) ?? []
  return `check(${printed ?? code}, ${JSON.stringify(expected)})`
}

const sources = new Map<string, string>()

function sourceOf(file: string): string {
  const known = sources.get(file) ?? readFileSync(join(root, file), 'utf8')
  sources.set(file, known)
  return known
}
