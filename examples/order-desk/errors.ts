/** An order names something that the desk does not have. The messages are for the person who sent the order. */
export class UnknownDistrict extends Error {
  override readonly name = 'UnknownDistrict'

  constructor(district: number) {
    super(`there is no district ${district}`)
  }
}

export class UnknownCustomer extends Error {
  override readonly name = 'UnknownCustomer'

  constructor(customer: number | string, district: number) {
    super(`district ${district} has no customer ${customer}`)
  }
}

export class UnknownItem extends Error {
  override readonly name = 'UnknownItem'

  constructor(item: number) {
    super(`there is no item ${item}`)
  }
}
