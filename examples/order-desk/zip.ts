/** Pairs what two lists of one length have at the same place. */
export function zip<A, B>(left: readonly A[], right: readonly B[]): [A, B][] {
  return left.map((value, index) => [value, right[index] as B])
}
