/** The columns of every table, for peers whose entities are made of plain data. */

export type ColumnType = 'int' | 'bigint' | 'text' | 'datetime'

export interface Table {
  readonly key: readonly string[]
  /** Nullable where the type ends in a question mark. */
  readonly columns: Readonly<Record<string, ColumnType | `${ColumnType}?`>>
}

export type TableName = keyof typeof tables

const ints = (...names: string[]) => columns('int', names)
const texts = (...names: string[]) => columns('text', names)
const bigints = (...names: string[]) => columns('bigint', names)
const datetimes = (...names: string[]) => columns('datetime', names)

function columns<T extends ColumnType>(type: T, names: readonly string[]): Record<string, T> {
  return Object.fromEntries(names.map((name) => [name, type]))
}

const address = (prefix: string) =>
  texts(`${prefix}_street_1`, `${prefix}_street_2`, `${prefix}_city`, `${prefix}_state`, `${prefix}_zip`)

export const tables = {
  warehouse: {
    key: ['w_id'],
    columns: { ...ints('w_id', 'w_tax'), ...texts('w_name'), ...address('w'), ...bigints('w_ytd') },
  },
  district: {
    key: ['d_w_id', 'd_id'],
    columns: {
      ...ints('d_w_id', 'd_id', 'd_tax', 'd_next_o_id'),
      ...texts('d_name'),
      ...address('d'),
      ...bigints('d_ytd'),
    },
  },
  customer: {
    key: ['c_w_id', 'c_d_id', 'c_id'],
    columns: {
      ...ints('c_w_id', 'c_d_id', 'c_id', 'c_discount', 'c_payment_cnt', 'c_delivery_cnt'),
      ...texts('c_first', 'c_middle', 'c_last', 'c_phone', 'c_credit', 'c_data'),
      ...address('c'),
      ...datetimes('c_since'),
      ...bigints('c_credit_lim', 'c_balance', 'c_ytd_payment'),
    },
  },
  // It has no key, and what calls for one takes this.
  history: {
    key: ['h_c_w_id', 'h_c_d_id', 'h_c_id', 'h_date'],
    columns: {
      ...ints('h_c_id', 'h_c_d_id', 'h_c_w_id', 'h_d_id', 'h_w_id', 'h_amount'),
      ...datetimes('h_date'),
      ...texts('h_data'),
    },
  },
  orders: {
    key: ['o_w_id', 'o_d_id', 'o_id'],
    columns: {
      ...ints('o_w_id', 'o_d_id', 'o_id', 'o_c_id', 'o_ol_cnt', 'o_all_local'),
      ...datetimes('o_entry_d'),
      o_carrier_id: 'int?',
    },
  },
  new_order: { key: ['no_w_id', 'no_d_id', 'no_o_id'], columns: ints('no_w_id', 'no_d_id', 'no_o_id') },
  order_line: {
    key: ['ol_w_id', 'ol_d_id', 'ol_o_id', 'ol_number'],
    columns: {
      ...ints('ol_w_id', 'ol_d_id', 'ol_o_id', 'ol_number', 'ol_i_id', 'ol_supply_w_id'),
      ...ints('ol_quantity', 'ol_amount'),
      ...texts('ol_dist_info'),
      ol_delivery_d: 'datetime?',
    },
  },
  item: { key: ['i_id'], columns: { ...ints('i_id', 'i_im_id', 'i_price'), ...texts('i_name', 'i_data') } },
  stock: {
    key: ['s_w_id', 's_i_id'],
    columns: {
      ...ints('s_w_id', 's_i_id', 's_quantity', 's_ytd', 's_order_cnt', 's_remote_cnt'),
      ...texts('s_dist_01', 's_dist_02', 's_dist_03', 's_dist_04', 's_dist_05'),
      ...texts('s_dist_06', 's_dist_07', 's_dist_08', 's_dist_09', 's_dist_10', 's_data'),
    },
  },
  users: { key: ['id'], columns: { ...ints('id', 'visits'), ...texts('name', 'email') } },
  purchases: { key: ['id'], columns: ints('id', 'user_id', 'cents') },
  purchase_lines: {
    key: ['id'],
    columns: { ...ints('id', 'purchase_id', 'quantity'), ...texts('product') },
  },
  contacts: { key: ['id'], columns: { ...ints('id', 'score'), ...texts('name', 'email') } },
} satisfies Record<string, Table>
