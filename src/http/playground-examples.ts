/** The playground's first tabs. They run on the demo shop; test/playground.test.ts sends each of them. */
export const examples: { query: string; variables?: string }[] = [
  {
    query: `# A customer with everything around it, in one request.
query Customer {
  customer(by: { email: "ada@example.com" }) {
    email
    status
    totalOrdersCount
    customerGroup { name }
    tags { name }
    customerAddresses { nodes { id address { fullName fullAddress } } }
    customerPaymentSources { nodes { name paymentSource { paymentInstrument { cardType cardLastDigits } } } }
    orders(first: 3) {
      totalCount
      nodes { number status formattedTotalAmountWithTaxes lineItems { nodes { name quantity formattedTotalAmount } } }
    }
    returns { nodes { number status } }
  }
}
`,
  },
];
