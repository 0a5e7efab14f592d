import type { RowOf, ValuesOf } from "../../graph/model/datamodel.js";
import { ResourceWrites } from "../../graph/write/resource-writes.js";
import { decimal, flag, inputOf, text } from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { Address } from "./address.type.js";
import { hasPostalCodes } from "./postal-codes.js";

const rules = {
  business: flag({
    description: "Whether it is the address of a company, whose name then is needed.",
    generated: "False",
  }),
  firstName: text({ description: "First name; needed unless it is a business address." }),
  lastName: text({ description: "Last name; needed unless it is a business address." }),
  company: text({ description: "Company name; needed if it is a business address." }),
  line1: text({ description: "Street and number, or post office box.", required: true }),
  line2: text({ description: "Apartment, suite, building." }),
  city: text({ description: "City or town.", required: true }),
  zipCode: text({ description: "Postal code; needed except in countries that have none." }),
  stateCode: text({ description: "Code of the state, province or region." }),
  countryCode: text({
    description: "Country as two letters, ISO 3166-1 alpha-2; the case does not matter.",
    required: true,
  }),
  phone: text({ description: "Phone number with extension.", required: true }),
  email: text({ description: "E-mail address for this address." }),
  notes: text({ description: "Free notes, such as delivery instructions: at most 5,000 characters." }),
  lat: decimal({
    description: "Latitude in degrees, -90 to 90; comes with the longitude.",
  }),
  lng: decimal({
    description: "Longitude in degrees, -180 to 180; comes with the latitude.",
  }),
  billingInfo: text({
    description: "VAT number, tax code or other data for the invoice: at most 5,000 characters.",
  }),
};

/** Creates an address together with what has it, such as an entry of an address book. */
export const ownedAddressWrites = new ResourceWrites(Address, {
  rules,
  create: {
    before: async (write, values, _input, path) => {
      checkTogether(write, {}, values, path);
      return values;
    },
  },
});

/** Writes of addresses by themselves. */
export const addressWrites = new ResourceWrites(Address, {
  rules,
  create: {
    description:
      "Creates an address that nothing has yet; `customerAddressCreate` puts it into an address book, and orders take copies of it. A signed-in customer's is its own from the start. One that the shop creates belongs to nobody until an address book has it, and no shopper sees it.",
    errors: ["WRONG_STATE"],
    example:
      'input: { firstName: "Ada", lastName: "Lovelace", line1: "Via Roma 1", city: "Torino", zipCode: "10121", countryCode: "IT", phone: "+39 011 5550 100" }',
    before: async (write, values, _input, path) => {
      const { viewer } = write;
      checkTogether(write, {}, values, path);
      if (viewer.kind !== "customer") return values;
      await write.lockOwners([viewer.customerId], path);
      return { ...values, customerId: viewer.customerId };
    },
  },
  update: {
    description:
      "Changes an address. Absent fields stay, null clears; what belongs together is checked as it will be. A position that a geocoder found is forgotten when the place changes. A signed-in customer may change what is in its address book or what it created, as long as no placed order, no return and nobody else has the same address.",
    example: 'id: "adr_ada_home", input: { line2: "Flat 4", stateCode: null }',
    before: async (write, row, values, _input, path) => {
      await refuseUnlessOwn(write, row.id);
      checkTogether(write, row, values, path);
      return { ...values, ...position(row, values) };
    },
  },
  delete: {
    description:
      "Deletes an address that nothing has. Those in address books go with their last entry (`customerAddressDelete`).",
    errors: ["IN_USE"],
    // The error tells that something has it.
    needs: [
      { permission: "customer_addresses:read" },
      { permission: "orders:read" },
      { permission: "returns:read" },
      { permission: "stock_locations:read" },
    ],
    example: 'id: "adr_ada_unused"',
    before: refuseUsed,
  },
});

/** Input of a new address, nested in the input of its owner. */
export const AddressInput = inputOf("AddressInput", "A new address.", ownedAddressWrites.createRules, "create");

type Field = keyof ValuesOf<"Address">;

const present = (value: unknown) =>
  typeof value === "string" ? value.trim() !== "" : value !== undefined && value !== null;

/**
 * Validates across fields, on the address as it will be stored; ignores fields that the update does not change, since
 * imported addresses may be incomplete.
 */
function checkTogether(write: Write, before: ValuesOf<"Address">, change: ValuesOf<"Address">, path: Path) {
  const after: ValuesOf<"Address"> = { business: false, ...before, ...defined(change) };
  const touches = (...fields: Field[]) => before.id === undefined || changes(before, change, fields);
  const need = (field: Field, message: string) => {
    // An invalid value has its own error already.
    if (!present(after[field]) && !write.errors.some((error) => error.path.join() === [...path, field].join())) {
      write.addError(UserErrorCode.INVALID, [...path, field], message);
    }
  };
  if (touches("business", "firstName", "lastName", "company")) {
    if (after.business) need("company", "A business address needs a company.");
    else {
      need("firstName", "An address needs a first name, unless it is that of a company.");
      need("lastName", "An address needs a last name, unless it is that of a company.");
    }
  }
  if (touches("zipCode", "countryCode") && hasPostalCodes(after.countryCode)) {
    need("zipCode", `An address in ${after.countryCode} needs a postal code.`);
  }
  if (touches("lat", "lng") && present(after.lat) !== present(after.lng)) {
    for (const field of ["lat", "lng"] as const) need(field, "Latitude and longitude are given together, or neither.");
  }
}

const changes = (before: ValuesOf<"Address">, change: ValuesOf<"Address">, fields: readonly Field[]) =>
  fields.some((field) => change[field] !== undefined && change[field] !== before[field]);
const defined = (values: ValuesOf<"Address">) =>
  Object.fromEntries(Object.entries(values).filter(([, value]) => value !== undefined));

/** Setting coordinates by hand drops the geocoder's data; geocoded coordinates are cleared when the address changes. */
function position(row: RowOf<"Address">, change: ValuesOf<"Address">): ValuesOf<"Address"> {
  const unfound = { providerName: null, mapUrl: null, staticMapUrl: null };
  if (changes(row, change, ["lat", "lng"])) return unfound;
  const moved = changes(row, change, ["line1", "line2", "city", "zipCode", "stateCode", "countryCode"]);
  return moved && row.providerName ? { ...unfound, lat: null, lng: null } : {};
}

/** domain rule: an order keeps the addresses that it was placed with. The shop may correct them, its customers may not. */
async function refuseUnlessOwn(write: Write, id: string) {
  const { viewer, query } = write;
  if (viewer.kind !== "customer") return;
  const [[inBook, shared]] = (await query(
    `SELECT EXISTS (SELECT FROM customer_addresses WHERE address_id = $1 AND customer_id = $2)
       OR EXISTS (SELECT FROM addresses WHERE id = $1 AND customer_id = $2),
       EXISTS (SELECT FROM customer_addresses WHERE address_id = $1 AND customer_id <> $2)
       OR EXISTS (SELECT FROM orders WHERE (shipping_address_id = $1 OR billing_address_id = $1)
                  AND (placed_at IS NOT NULL OR customer_id IS DISTINCT FROM $2))
       OR EXISTS (SELECT FROM returns WHERE origin_address_id = $1 OR destination_address_id = $1)
       OR EXISTS (SELECT FROM stock_locations WHERE address_id = $1)`,
    [id, viewer.customerId],
  )) as [[boolean, boolean]];
  if (inBook && !shared) return;
  const message = inBook
    ? "An order, a return or somebody else has this address too; add a new one to the address book instead."
    : "This address belongs to an order or a return; only those in the address book can be changed.";
  write.addError(UserErrorCode.WRONG_STATE, ["id"], message);
}

/** Adds an error if something has the address. Locks it first: a foreign key added meanwhile waits, and then fails. */
async function refuseUsed(write: Write, { id }: RowOf<"Address">) {
  await write.query("SELECT FROM addresses WHERE id = $1 FOR UPDATE", [id]);
  const [[used]] = (await write.query(
    `SELECT EXISTS (SELECT FROM customer_addresses WHERE address_id = $1)
       OR EXISTS (SELECT FROM orders WHERE shipping_address_id = $1 OR billing_address_id = $1)
       OR EXISTS (SELECT FROM returns WHERE origin_address_id = $1 OR destination_address_id = $1)
       OR EXISTS (SELECT FROM stock_locations WHERE address_id = $1)`,
    [id],
  )) as [[boolean]];
  const message = "An address book, an order, a return or a stock location has this address, so it cannot be deleted.";
  if (used) write.addError(UserErrorCode.IN_USE, ["id"], message);
}
