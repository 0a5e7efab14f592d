import { ID } from "type-graphql";
import type { ValuesOf } from "../../graph/model/datamodel.js";
import { ResourceWrites } from "../../graph/write/resource-writes.js";
import { link, value } from "../../graph/write/rules.js";
import type { Path, Write } from "../../graph/write/transaction.js";
import { deleteUnused } from "../../graph/write/unused.js";
import { UserErrorCode } from "../../graph/write/user-error.type.js";
import { Address } from "../addresses/address.type.js";
import { AddressInput, ownedAddressWrites } from "../addresses/address.writes.js";
import { ownerOf, ownerRules } from "../customers/customer.service.js";
import { Customer } from "../customers/customer.type.js";
import { CustomerAddress } from "./customer-address.type.js";

const rules = {
  ...ownerRules,
  address: value<object>(() => AddressInput, {
    description: "A new address; give it or `addressId`.",
    on: "create",
    virtual: true,
  }),
  addressId: link("Address", { description: "The id of an address that there is already.", on: "create" }),
};

interface Input {
  customerId?: string | null;
  customerEmail?: string | null;
  address?: object | null;
  addressId?: string | null;
}

/** Writes of customer addresses, the entries of address books. */
export const customerAddressWrites = new ResourceWrites(CustomerAddress, {
  rules,
  create: {
    description:
      "Adds an address to a customer's address book: makes the address and the entry in one, or neither. The answer has the ids of both, so the `reference` of the address is free for other uses. An address is in a book once.",
    needs: [{ permission: "addresses:create", when: "for a new address" }],
    example:
      'input: { customerId: "cus_ada", address: { firstName: "Ada", lastName: "Lovelace", line1: "Via Roma 1", city: "Torino", zipCode: "10121", countryCode: "IT", phone: "+39 011 5550 100" } }',
    before: addAddress,
    after: async (_write, _id, _input, _path, { addressId, customerId }) => ({
      address: addressId,
      customer: customerId,
    }),
    payload: {
      address: { description: "The address in it; null when there is none.", row: () => Address },
      customer: { description: "The customer whose address book it is; null when there is none.", row: () => Customer },
    },
  },
  update: {
    description:
      "Changes what another system calls an entry of an address book, and its metadata. `addressUpdate` changes the address itself.",
    example: 'id: "cad_ada_home", input: { metadata: { merge: { label: "home" } } }',
  },
  delete: {
    description:
      "Takes an address out of an address book. The address itself goes too, unless another address book, an order, a return or a stock location has it.",
    example: 'id: "cad_ada_parents"',
    after: async (write, { addressId, customerId }) => {
      const [deletedAddressId] = await deleteUnused(write, "Address", [addressId]);
      return { addressId, deletedAddressId, customer: customerId };
    },
    payload: {
      addressId: {
        description: "The id of the address that was in it; null when none was.",
        type: () => ID,
        access: ["addresses:read"],
      },
      deletedAddressId: {
        description: "The same id if the address itself is gone as well; null when it is still in use.",
        type: () => ID,
        access: ["addresses:read"],
      },
      customer: {
        description: "The customer whose address book it was; null when there is none.",
        row: () => Customer,
      },
    },
  },
});

/** Links or creates the address of a new entry, and checks its owner. */
async function addAddress(
  write: Write,
  values: ValuesOf<"CustomerAddress">,
  input: Input,
  path: Path,
): Promise<ValuesOf<"CustomerAddress">> {
  const customerId = await ownerOf(write, values, input, path);
  const given = write.oneOf(input, ["address", "addressId"], path);
  if (given === "address") {
    write.need("addresses:create");
    const addressId = await ownedAddressWrites.create(write, input.address!, [...path, "address"]);
    return { ...values, customerId, addressId };
  }
  if (values.addressId && customerId) {
    await takeAddress(write, values.addressId, customerId, [...path, "addressId"]);
  }
  return { ...values, customerId };
}

/**
 * Locks an address against deletion or a change of owner while it is added to an address book. From then on the book has
 * it, and no longer the customer who made it.
 */
async function takeAddress(write: Write, id: string, customerId: string, path: Path) {
  const address = await write.row("Address", id, { path });
  const [stocked] = await write.query("SELECT FROM stock_locations WHERE address_id = $1 LIMIT 1", [id]);
  // Addresses of the shop itself cannot become a customer's.
  if (stocked)
    write.addError(UserErrorCode.INVALID, path, "This is the address of a stock location, not of a customer.");
  if (!address.customerId) return;
  if (address.customerId === customerId) await write.update("Address", address, { customerId: null }, path);
  else write.addError(UserErrorCode.INVALID, path, "This address belongs to another customer, who created it.");
}
