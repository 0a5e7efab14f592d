interface Example {
  query: string;
  /** JSON text in the editor. */
  variables?: string;
}

/**
 * The playground's first tabs, each called like its operation. They run on the demo shop, as often as one likes: those
 * that change something put it back.
 */
export const examples: readonly [Example, ...Example[]] = [
  {
    query: `# A customer with everything around it, in one request.
query Customer($email: String!) {
  customer(by: { email: $email }) {
    id
    email
    status
    hasPassword
    totalOrdersCount
    createdAt
    customerGroup {
      name
    }
    tags {
      name
    }
    customerAddresses {
      nodes {
        id
        address {
          fullName
          fullAddress
          phone
        }
      }
    }
    customerPaymentSources {
      nodes {
        id
        name
        paymentSource {
          paymentSourceType
          paymentInstrument {
            cardType
            cardLastDigits
            cardExpiryMonth
            cardExpiryYear
          }
        }
      }
    }
    customerSubscriptions {
      nodes {
        reference
        createdAt
      }
    }
    orders(first: 3) {
      totalCount
      nodes {
        number
        status
        placedAt
        formattedTotalAmountWithTaxes
        market {
          name
        }
        lineItems {
          nodes {
            quantity
            name
            formattedTotalAmount
          }
        }
      }
    }
    orderSubscriptions {
      nodes {
        number
        status
        frequency
        nextRunAt
      }
    }
    returns {
      nodes {
        number
        status
        order {
          number
        }
      }
    }
  }
}
`,
    variables: json({ email: "ada@example.com" }),
  },
  {
    query: `# The customers table of a back office: filter, search,
# sort, page, and the total below it.
query CustomersTable(
  $statuses: [CustomerStatus!]
  $search: String
  $orderBy: [CustomerOrder!]
  $first: Int = 25
  $offset: Int = 0
) {
  customers(
    filter: {
      status: { in: $statuses }
      or: [
        { email: { startsWith: $search } }
        { reference: { startsWith: $search } }
      ]
    }
    orderBy: $orderBy
    first: $first
    offset: $offset
  ) {
    totalCount
    nodes {
      id
      email
      reference
      status
      hasPassword
      totalOrdersCount
      customerGroup {
        name
      }
      createdAt
    }
  }
}
`,
    variables: json({
      statuses: ["ACQUIRED", "REPEAT"],
      search: "crm-",
      orderBy: [{ field: "TOTAL_ORDERS_COUNT", direction: "DESC" }, { field: "EMAIL" }],
      first: 25,
      offset: 0,
    }),
  },
  {
    query: `# A long list, page by page: for the next page, put
# \`endCursor\` into the variable \`after\`.
query CustomerPages($first: Int!, $after: String) {
  customers(first: $first, after: $after, orderBy: [{ field: EMAIL }]) {
    pageInfo {
      hasNextPage
      endCursor
    }
    edges {
      cursor
      node {
        email
        status
      }
    }
  }
}
`,
    variables: json({ first: 5, after: null }),
  },
  {
    query: `# A shopper's orders without carts, with numbered pages.
# This is page 2: \`offset\` is how many come before it.
query MyOrders($customerId: ID!, $pageSize: Int!, $offset: Int!) {
  customer(by: { id: $customerId }) {
    orders(
      filter: { not: { status: { in: [DRAFT, PENDING] } } }
      orderBy: [{ field: PLACED_AT, direction: DESC }]
      first: $pageSize
      offset: $offset
    ) {
      totalCount
      nodes {
        number
        status
        placedAt
        skusCount
        formattedTotalAmountWithTaxes
      }
    }
  }
}
`,
    variables: json({ customerId: "cus_ada", pageSize: 4, offset: 4 }),
  },
  {
    query: `# A customer's latest orders, and in the same request
# whether the shop has more than one market to name.
query LatestOrders($customerId: ID!, $statuses: [OrderStatus!]!) {
  customer(by: { id: $customerId }) {
    orders(
      filter: { status: { in: $statuses } }
      orderBy: [{ field: PLACED_AT, direction: DESC }]
      first: 5
    ) {
      totalCount
      nodes {
        number
        status
        paymentStatus
        fulfillmentStatus
        placedAt
        formattedTotalAmountWithTaxes
        billingAddress {
          fullName
        }
        market {
          name
        }
      }
    }
  }
  enabledMarkets: markets(filter: { disabledAt: { isNull: true } }, first: 0) {
    totalCount(atMost: 2)
  }
}
`,
    variables: json({ customerId: "cus_ada", statuses: ["PLACED", "APPROVED", "EDITING", "CANCELLED"] }),
  },
  {
    query: `# Tags put on a customer, and taken off again. Try a name
# that does not exist, and read \`userErrors\`.
mutation Tagging($id: ID!, $names: [String!]!) {
  tagsAdd(id: $id, names: $names) {
    added {
      name
    }
    unchanged {
      name
    }
    resource {
      tags {
        name
      }
    }
    userErrors {
      ...Why
    }
  }
  tagsRemove(id: $id, names: $names) {
    removed {
      name
    }
    resource {
      tags {
        name
      }
    }
    userErrors {
      ...Why
    }
  }
}

fragment Why on UserError {
  code
  path
  message
  ... on UnknownTagError {
    suggestion
  }
}
`,
    variables: json({ id: "cus_grace", names: ["eco", "gift"] }),
  },
  {
    query: `# An anonymization requested, and called off again.
mutation Anonymization(
  $request: AnonymizationRequestInput!
  $cancel: AnonymizationCancelInput!
) {
  anonymizationRequest(input: $request) {
    customer {
      ...State
    }
    userErrors {
      code
      message
    }
  }
  anonymizationCancel(input: $cancel) {
    customer {
      ...State
    }
    userErrors {
      code
      message
    }
  }
}

fragment State on Customer {
  email
  anonymizationInfo {
    status
    requestedAt
    reason
    cancelledAt
    cancellationReason
    requester {
      id
      firstName
      lastName
    }
  }
}
`,
    variables: json({
      request: { customerId: "cus_kenji", reason: "He asked for it on the phone." },
      cancel: { customerId: "cus_kenji", reason: "He has changed his mind." },
    }),
  },
  {
    query: `# Rows found by what belongs to them, and a resource of any
# kind by its id.
query RelatedRows($since: DateTime!, $id: ID!) {
  # Who lives in Italy or Great Britain, has bought lately,
  # and is no company?
  customers(
    filter: {
      customerAddresses: {
        some: { address: { countryCode: { in: ["GB", "IT"] } } }
      }
      orders: { some: { status: { eq: APPROVED }, placedAt: { gte: $since } } }
      tags: { none: ["b2b"] }
    }
  ) {
    nodes {
      email
      orders(filter: { placedAt: { gte: $since } }) {
        nodes {
          number
          placedAt
        }
      }
    }
  }
  # What do the members of the VIP group send back?
  returns(filter: { customer: { customerGroup: { code: { eq: "vip" } } } }) {
    nodes {
      number
      status
      customer {
        email
      }
    }
  }
  node(id: $id) {
    type
    createdAt
    ... on Order {
      number
      customer {
        email
      }
    }
    ... on Customer {
      email
    }
  }
}
`,
    variables: json({ since: "2026-06-01T00:00:00.000Z", id: "ord_1024" }),
  },
];

function json(variables: Record<string, unknown>): string {
  return JSON.stringify(variables, null, 2);
}
