import { Float } from "type-graphql";
import { through } from "../../graph/access/row-rules.js";
import { Attribute, Model } from "../../graph/schema/model.js";
import { everything } from "../../graph/sql/condition.js";
import { Taggable } from "../tags/taggable.type.js";

@Model({
  description: "A postal address of a person or a company.",
  implements: Taggable,
  visibleTo: {
    // The address of a stock location has what the shop notes about it; returns have a copy without that.
    customer: ({ customerId }) => ({
      op: "and",
      of: [
        {
          op: "or",
          of: [
            { op: "eq", field: "customerId", value: customerId },
            through("customerAddresses", "shippingOrders", "billingOrders", "originReturns", "destinationReturns"),
          ],
        },
        { op: "not", of: { op: "some", relation: "stockLocations", where: everything, orHidden: true } },
      ],
    }),
  },
  defaultOrder: [{ field: "createdAt", direction: "DESC" }],
})
export class Address extends Taggable<"Address"> {
  @Attribute(() => Boolean, { description: "Whether this is the address of a company." })
  business!: boolean;

  @Attribute(() => String, {
    nullable: true,
    description: "First name; present unless this is a business address.",
    filter: "text",
  })
  firstName!: string | null;

  @Attribute(() => String, {
    nullable: true,
    description: "Last name; present unless this is a business address.",
    filter: "text",
  })
  lastName!: string | null;

  @Attribute(() => String, {
    nullable: true,
    description: "Company name; present when this is a business address.",
    filter: "text",
  })
  company!: string | null;

  @Attribute(() => String, {
    description: "Derived: the company of a business address, else first and last name.",
    filter: "text",
  })
  fullName!: string;

  @Attribute(() => String, { description: "Street and number, or post office box." })
  line1!: string;

  @Attribute(() => String, { nullable: true, description: "Apartment, suite, building." })
  line2!: string | null;

  @Attribute(() => String, { description: "City or town." })
  city!: string;

  @Attribute(() => String, { nullable: true, description: "Postal code; null in countries that have none." })
  zipCode!: string | null;

  @Attribute(() => String, { nullable: true, description: "Code of the state, province or region." })
  stateCode!: string | null;

  @Attribute(() => String, { description: "Country as two letters, ISO 3166-1 alpha-2.", filter: true })
  countryCode!: string;

  @Attribute(() => String, {
    nullable: true,
    description: "Phone number with extension. Null only where a source did not have one.",
  })
  phone!: string | null;

  @Attribute(() => String, {
    description: "Derived: the whole address in one line, with the phone number and without the name.",
  })
  fullAddress!: string;

  @Attribute(() => String, { description: "Derived: full name and full address in one line." })
  name!: string;

  @Attribute(() => String, {
    nullable: true,
    description: "E-mail address for this address.",
    filter: "text",
    email: true,
  })
  email!: string | null;

  @Attribute(() => String, { nullable: true, description: "Free notes, such as delivery instructions." })
  notes!: string | null;

  @Attribute(() => Float, { nullable: true, description: "Latitude in degrees." })
  lat!: number | null;

  @Attribute(() => Float, { nullable: true, description: "Longitude in degrees." })
  lng!: number | null;

  @Attribute(() => Boolean, { description: "Derived: whether latitude and longitude are known." })
  isLocalized!: boolean;

  @Attribute(() => Boolean, {
    description: "Derived: whether a geocoder found the position; `false` when it was set by hand.",
  })
  isGeocoded!: boolean;

  @Attribute(() => String, { nullable: true, description: "The geocoder that found the position, `google` or `bing`." })
  providerName!: string | null;

  @Attribute(() => String, { nullable: true, description: "Link to a map of the address." })
  mapUrl!: string | null;

  @Attribute(() => String, { nullable: true, description: "Link to a static image of a map of the address." })
  staticMapUrl!: string | null;

  @Attribute(() => String, {
    nullable: true,
    description: "VAT number, tax code or other billing data.",
    filter: "text",
  })
  billingInfo!: string | null;

  /** The signed-in customer who made it, as long as nothing else has it. */
  customerId!: string | null;
}
