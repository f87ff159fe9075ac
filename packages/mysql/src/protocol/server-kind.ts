/** Server products, which differ in SQL, errors and types. */
export type ServerKind = 'mariadb' | 'mysql'
