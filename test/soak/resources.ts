/** What keeps the process alive by itself, as far as a pool has such things: sockets and timers. */
export function resources(): string[] {
  return process.getActiveResourcesInfo().filter((type) => type.startsWith('TCP') || type === 'Timeout')
}

/** What is there now beyond what was there before. */
export function beyond(before: readonly string[]): string[] {
  const left = resources()
  for (const type of before) {
    const index = left.indexOf(type)
    if (index !== -1) left.splice(index, 1)
  }
  return left
}
