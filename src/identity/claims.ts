/** What a verified access token says, in Commerce Layer's layout. */
export interface Claims {
  iss: string;
  jti?: string;
  /** Seconds since 1970, as `exp`. */
  iat: number;
  exp: number;
  /** Whose token it is; one outside issuer may sign for many organizations. */
  organization?: { id: string; slug?: string };
  application: {
    id: string;
    client_id?: string;
    /** `sales_channel`, `integration`, `webapp`, or another word of an outside issuer. */
    kind: string;
    public: boolean;
    /** Whether the application showed its secret. */
    confidential?: boolean;
  };
  owner?: { id: string; type: "Customer" | "User"; first_name?: string; last_name?: string; email?: string };
  /** The markets that the token is limited to; without it, all. */
  market?: { id: string[]; stock_location_ids?: string[] };
  custom_claim?: Record<string, unknown>;
  permissions?: string[];
  scope?: string;
  /** Whether it belongs to the mode `test`; otherwise to `live`. */
  test: boolean;
  /** The log-in that this token and its refresh tokens come from. Own tokens only. */
  family?: string;
  /** Whether its application is a first-party one of Commerce Layer, such as the dashboard. Derived, not a claim. */
  firstParty?: true;
}

const maximumItems = 1_000;

/**
 * The claims in a payload whose signature is good, or undefined if one that the server reads has a wrong shape. Claims
 * that it does not read are left out. A null counts as absent.
 */
export function parseClaims(payload: unknown): Claims | undefined {
  try {
    const top = object(payload);
    const organization = optional(top.organization, object);
    const application = object(top.application);
    const owner = optional(top.owner, object);
    const market = optional(top.market, object);
    return defined({
      iss: text(top.iss),
      jti: optional(top.jti, text),
      iat: seconds(top.iat),
      exp: seconds(top.exp),
      organization: organization && defined({ id: text(organization.id), slug: optional(organization.slug, anyText) }),
      application: defined({
        id: text(application.id),
        client_id: optional(application.client_id, text),
        kind: text(application.kind),
        public: boolean(application.public),
        confidential: optional(application.confidential, boolean),
      }),
      owner:
        owner &&
        defined({
          id: text(owner.id),
          type: ownerType(owner.type),
          first_name: optional(owner.first_name, anyText),
          last_name: optional(owner.last_name, anyText),
          email: optional(owner.email, anyText),
        }),
      market:
        market && defined({ id: texts(market.id), stock_location_ids: optional(market.stock_location_ids, texts) }),
      custom_claim: optional(top.custom_claim, object),
      permissions: optional(top.permissions, texts),
      scope: optional(top.scope, anyText),
      test: boolean(top.test),
      family: optional(top.family, text),
    });
  } catch (error) {
    if (error instanceof ShapeError) return undefined;
    throw error;
  }
}

/** A value from another server is not of the expected type. */
export class ShapeError extends Error {
  constructor() {
    super("A value is not of the expected type.");
  }
}

export function optional<T>(value: unknown, read: (value: unknown) => T): T | undefined {
  return value === undefined || value === null ? undefined : read(value);
}

export function object(value: unknown): Record<string, unknown> {
  if (!value || typeof value !== "object" || Array.isArray(value)) throw new ShapeError();
  return value as Record<string, unknown>;
}

/** PostgreSQL takes neither NUL nor half a character, and ids from a token get there. */
export function anyText(value: unknown): string {
  if (typeof value !== "string" || value.includes("\0") || !value.isWellFormed()) throw new ShapeError();
  return value;
}

export function text(value: unknown): string {
  const read = anyText(value);
  if (read === "") throw new ShapeError();
  return read;
}

export function texts(value: unknown): string[] {
  if (!Array.isArray(value) || value.length > maximumItems) throw new ShapeError();
  return value.map(text);
}

export function boolean(value: unknown): boolean {
  if (typeof value !== "boolean") throw new ShapeError();
  return value;
}

function seconds(value: unknown): number {
  // The largest time that a Date holds.
  if (typeof value !== "number" || !(value >= 0 && value <= 8.64e12)) throw new ShapeError();
  return value;
}

function ownerType(value: unknown): "Customer" | "User" {
  if (value !== "Customer" && value !== "User") throw new ShapeError();
  return value;
}

export function defined<T extends object>(value: T): T {
  return Object.fromEntries(Object.entries(value).filter(([, member]) => member !== undefined)) as T;
}
