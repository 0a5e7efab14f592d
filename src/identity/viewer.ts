import { isPermission, permissionsByKind } from "../graph/access/permission.js";
import { anonymous, type StaffUser, type TokenFacts, type Viewer } from "../graph/access/viewer.js";
import type { Claims } from "./claims.js";

/** A token is checked once and its claims kept until it expires; so is the viewer that they make. */
const viewers = new WeakMap<Claims, Viewer>();

/** The viewer that the claims of a verified token speak of. `tokenKindProblem` has refused kinds without access. */
export function viewerOf(claims: Claims): Viewer {
  const known = viewers.get(claims);
  if (known) return known;
  const viewer = makeViewer(claims);
  viewers.set(claims, viewer);
  return viewer;
}

function makeViewer(claims: Claims): Viewer {
  const { application, organization, owner, market } = claims;
  const kind = kindOf(claims);
  if (kind === "anonymous") return anonymous;
  const given = claims.permissions?.filter(isPermission);
  const facts: TokenFacts = {
    applicationId: application.id,
    mode: claims.test ? "test" : "live",
    // A token can narrow what its kind may do; only tokens with a secret behind them can say what that is.
    permissions: given && (kind === "integration" || kind === "user") ? new Set(given) : permissionsByKind[kind],
    marketIds: market ? market.id : null,
    stockLocationIds: market?.stock_location_ids ?? [],
    customClaim: claims.custom_claim ?? null,
    organization,
    expiresAt: new Date(claims.exp * 1000),
  };
  switch (kind) {
    case "guest":
      return { ...facts, kind, owner: null };
    case "customer":
      return { ...facts, kind, customerId: owner!.id, owner: null };
    case "integration":
      return { ...facts, kind, owner: owner ? staff(owner) : null };
    case "user":
      return { ...facts, kind, owner: staff(owner!) };
  }
}

/** Why tokens of this kind have no access at all, or undefined if they have some. */
export function tokenKindProblem(claims: Claims): string | undefined {
  if (kindOf(claims) !== "anonymous") return undefined;
  const { application, owner } = claims;
  const kind = `${application.kind.slice(0, 50)}:${owner ? owner.type.toLowerCase() : "guest"}`;
  return `Access tokens of the kind ${kind} have no access here; these have: ${kindsWithAccess.join(", ")}${
    claims.firstParty
      ? ", and those of the dashboard's applications that a user signed in to, such as customers:user"
      : ""
  }.`;
}

/** In Commerce Layer's shorthand: the kind of the application and the type of the owner. */
const kindsWithAccess = [
  "sales_channel:guest",
  "sales_channel:customer",
  "integration:guest",
  "integration:user",
  "webapp:user",
];

/** Whether applications of this kind are the organization's own, not parts of its dashboard. */
export function isClientKind(kind: string): boolean {
  return ["sales_channel", "integration", "webapp"].includes(kind);
}

/** domain rule: kind of application and type of owner; anything not listed is no access. */
function kindOf({ application, owner, firstParty }: Claims): Viewer["kind"] {
  if (application.kind === "sales_channel") {
    return owner ? (owner.type === "Customer" ? "customer" : "anonymous") : "guest";
  }
  if (owner && owner.type !== "User") return "anonymous";
  if (application.kind === "integration") return "integration";
  return (application.kind === "webapp" || firstParty) && owner ? "user" : "anonymous";
}

function staff(owner: NonNullable<Claims["owner"]>): StaffUser {
  return {
    id: owner.id,
    firstName: owner.first_name ?? null,
    lastName: owner.last_name ?? null,
    email: owner.email ?? null,
  };
}
