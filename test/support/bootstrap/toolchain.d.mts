/** The programs of the other runtimes that the packages are tried on, installed into `cache`. */
export function provideRuntimes(cache: string): Promise<{ readonly bun: string; readonly deno: string }>
