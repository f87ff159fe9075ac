/** The limit: the unit as a procedure in the server, called in one round trip. */
import { createPool, type ResultSetHeader, type RowDataPacket } from 'mysql2/promise'
import type { NewOrderInput } from '../../../examples/order-desk/transactions/new-order.ts'
import type { PaymentInput } from '../../../examples/order-desk/transactions/payment.ts'
import { type OpenPeer, type Paid, type PlacedOrder, poolSize } from './peer.ts'
import { found, inLockOrder } from './desk-units.ts'

const NEW_ORDER = `
create procedure place_order(in warehouse int, in district int, in customer int, in entered datetime, in order_lines json)
begin
  declare done boolean default false;
  declare number, item, quantity, price, tax, next_order, w_tax_now, discount int;
  declare net bigint default 0;
  declare info char(24);
  declare wanted cursor for
    select t.number, t.item, t.quantity
    from json_table(order_lines, '$[*]' columns (number int path '$.number', item int path '$.item', quantity int path '$.quantity')) t;
  declare continue handler for not found set done = true;
  declare exit handler for sqlexception begin rollback; resignal; end;

  start transaction;
  select d_tax, d_next_o_id into tax, next_order from district where d_w_id = warehouse and d_id = district for update;
  select w_tax into w_tax_now from warehouse where w_id = warehouse;
  select c_discount into discount from customer where c_w_id = warehouse and c_d_id = district and c_id = customer;
  update district set d_next_o_id = next_order + 1 where d_w_id = warehouse and d_id = district;
  insert into orders (o_w_id, o_d_id, o_id, o_c_id, o_entry_d, o_carrier_id, o_ol_cnt, o_all_local)
    values (warehouse, district, next_order, customer, entered, null, json_length(order_lines), 1);
  insert into new_order (no_w_id, no_d_id, no_o_id) values (warehouse, district, next_order);
  open wanted;
  each_line: loop
    fetch wanted into number, item, quantity;
    if done then leave each_line; end if;
    select i_price into price from item where i_id = item;
    select case district
        when 1 then s_dist_01 when 2 then s_dist_02 when 3 then s_dist_03 when 4 then s_dist_04 when 5 then s_dist_05
        when 6 then s_dist_06 when 7 then s_dist_07 when 8 then s_dist_08 when 9 then s_dist_09 else s_dist_10 end
      into info from stock where s_w_id = warehouse and s_i_id = item for update;
    update stock set
      s_quantity = case when s_quantity >= quantity + 10 then s_quantity - quantity else s_quantity + 91 - quantity end,
      s_ytd = s_ytd + quantity, s_order_cnt = s_order_cnt + 1, s_remote_cnt = s_remote_cnt + 0
      where s_w_id = warehouse and s_i_id = item;
    insert into order_line (ol_w_id, ol_d_id, ol_o_id, ol_number, ol_i_id, ol_supply_w_id, ol_delivery_d, ol_quantity, ol_amount, ol_dist_info)
      values (warehouse, district, next_order, number, item, warehouse, null, quantity, quantity * price, info);
    set net = net + quantity * price;
  end loop;
  close wanted;
  commit;
  select next_order as placed, round(net * (10000 - discount) * (10000 + w_tax_now + tax) / 100000000) as cents;
end`

const PAYMENT = `
create procedure receive_payment(in warehouse int, in district int, in home_warehouse int, in home_district int,
  in number int, in last_name varchar(16), in cents int, in paid_at datetime)
begin
  declare customer, namesakes, middle int;
  declare credit char(2);
  declare balance bigint;
  declare data varchar(500);
  declare w_name_now, d_name_now varchar(10);
  declare exit handler for sqlexception begin rollback; resignal; end;

  start transaction;
  if number is null then
    select count(*) into namesakes from customer
      where c_w_id = home_warehouse and c_d_id = home_district and c_last = last_name for update;
    set middle = ceil(namesakes / 2) - 1;
    select c_id, c_credit, c_balance, c_data into customer, credit, balance, data from customer
      where c_w_id = home_warehouse and c_d_id = home_district and c_last = last_name
      order by c_first limit middle, 1 for update;
  else
    select c_id, c_credit, c_balance, c_data into customer, credit, balance, data from customer
      where c_w_id = home_warehouse and c_d_id = home_district and c_id = number for update;
  end if;
  update district set d_ytd = d_ytd + cents where d_w_id = warehouse and d_id = district;
  update warehouse set w_ytd = w_ytd + cents where w_id = warehouse;
  select d_name into d_name_now from district where d_w_id = warehouse and d_id = district;
  select w_name into w_name_now from warehouse where w_id = warehouse;
  if credit <> 'GC' then
    set data = left(concat(concat_ws(' ', customer, home_district, home_warehouse, district, warehouse,
      cast(cents / 100 as decimal(12, 2))), ' ', data), 500);
  end if;
  update customer set c_balance = c_balance - cents, c_ytd_payment = c_ytd_payment + cents,
    c_payment_cnt = c_payment_cnt + 1, c_data = data
    where c_w_id = home_warehouse and c_d_id = home_district and c_id = customer;
  insert into history (h_c_id, h_c_d_id, h_c_w_id, h_d_id, h_w_id, h_date, h_amount, h_data)
    values (customer, home_district, home_warehouse, district, warehouse, paid_at, cents,
      concat(w_name_now, '    ', d_name_now));
  commit;
  select customer as customer, balance - cents as balance;
end`

export const open: OpenPeer = async (uri) => {
  const pool = createPool({ uri, connectionLimit: poolSize })
  await pool.query('drop procedure if exists place_order')
  await pool.query('drop procedure if exists receive_payment')
  await pool.query(NEW_ORDER)
  await pool.query(PAYMENT)

  async function call<Row>(sql: string, values: readonly (string | number | Date | null)[]): Promise<Row> {
    const [[rows]] = await pool.query<[RowDataPacket[], ResultSetHeader]>(sql, [...values])
    return found(rows[0]) as Row
  }

  return {
    async newOrder({ warehouse, district, customer, enteredAt, lines }: NewOrderInput): Promise<PlacedOrder> {
      const wanted = JSON.stringify(inLockOrder(lines))
      const { placed, cents } = await call<{ placed: number; cents: string }>(
        'call place_order(?, ?, ?, ?, ?)',
        [warehouse, district, customer, enteredAt, wanted],
      )
      return { order: placed, cents: Number(cents) }
    },
    payment: ({ warehouse, district, customer, cents, paidAt }: PaymentInput): Promise<Paid> => {
      const { choice } = customer
      return call<Paid>('call receive_payment(?, ?, ?, ?, ?, ?, ?, ?)', [
        warehouse,
        district,
        customer.warehouse,
        customer.district,
        'number' in choice ? choice.number : null,
        'lastName' in choice ? choice.lastName : null,
        cents,
        paidAt,
      ])
    },
    close: () => pool.end(),
  }
}
