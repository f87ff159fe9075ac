/** Strings that would end a literal, a comment or a statement if they were not escaped as the server expects. */
export const HOSTILE: readonly string[] = [
  '',
  "'",
  "''",
  '"',
  '\\',
  "\\'",
  "\\' or 1=1 -- ",
  "'; drop table accounts; -- ",
  '/* ? */ ? ??',
  '\0\b\t\n\r\u001a%_',
  'ä€😀\u{10ffff}',
  '`',
  "x' /*!50000 or 1=1 */ -- ",
]
