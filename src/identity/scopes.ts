import type { Prisma, PrismaClient } from "../generated/prisma/client.js";
import type { EnumValue } from "../graph/model/datamodel.js";

/** What a token is limited to. */
export interface GrantedScope {
  /** As the answer and the token repeat it. */
  scope: string;
  /** Null for all markets. */
  marketIds: string[] | null;
  stockLocationIds: string[];
}

export interface ScopeRequest {
  scope: string | undefined;
  mode: EnumValue<"Mode">;
  kind: EnumValue<"ApplicationKind">;
  /** The group of the customer who signs in; null without a group, or without a customer. */
  customerGroupId: string | null;
}

/** Reason why a scope is rejected. Unknown, disabled and private markets are indistinguishable. */
export class ScopeError extends Error {
  override name = "ScopeError";
}

const maximumWords = 100;
const allMarkets = "market:all";

/** Finds what the words of a scope stand for, and refuses all if one of them is not to be had. */
export async function grantScope(prisma: PrismaClient, request: ScopeRequest): Promise<GrantedScope> {
  const words = [...new Set(request.scope?.split(/[\s,]+/).filter(Boolean))];
  if (words.length > maximumWords) throw new ScopeError(`A scope has at most ${maximumWords} parts.`);
  const isChannel = request.kind === "sales_channel";
  if (words.length === 0 && !isChannel) return { scope: allMarkets, marketIds: null, stockLocationIds: [] };

  const all = words.includes(allMarkets);
  const named = words.filter((word) => word !== allMarkets).map(parse);
  const markets = named.filter(({ type }) => type === "market");
  const stockLocations = named.filter(({ type }) => type === "stock_location");
  if (!all && markets.length === 0) {
    throw new ScopeError(
      stockLocations.length > 0
        ? "A stock location needs a market beside it, such as market:code:europe."
        : "A sales channel must name a market, such as market:code:europe.",
    );
  }
  const marketIds = await find(prisma.market, markets, { mode: request.mode, ...openTo(request) });
  const stockLocationIds = await find(prisma.stockLocation, stockLocations, { mode: request.mode });
  return {
    scope: words.join(" "),
    marketIds: !all ? marketIds : isChannel ? await everyMarket(prisma, request) : null,
    stockLocationIds,
  };
}

/** Those of some markets that may still be had: a refreshed token does not keep a market that was closed meanwhile. */
export async function stillOpen(
  prisma: PrismaClient,
  marketIds: readonly string[],
  request: Omit<ScopeRequest, "scope">,
): Promise<string[]> {
  const rows = await prisma.market.findMany({
    where: { mode: request.mode, ...openTo(request), id: { in: [...marketIds] } },
    select: { id: true },
  });
  const open = new Set(rows.map(({ id }) => id));
  return marketIds.filter((id) => open.has(id));
}

interface Word {
  text: string;
  type: "market" | "stock_location";
  by: "id" | "code";
  value: string;
}

function parse(text: string): Word {
  const [, type, by, value] = /^(market|stock_location):(id|code):(.+)$/.exec(text) ?? [];
  if (!type) {
    throw new ScopeError(
      `A scope is made of market:id:…, market:code:…, market:all, stock_location:id:… and stock_location:code:…; “${text.slice(0, 100)}” is none of them.`,
    );
  }
  return { text, type: type as Word["type"], by: by as Word["by"], value: value! };
}

/** domain rule: a private market is open to signed-in members of its group, and to callers who hold a secret. */
function openTo({ kind, customerGroupId }: Omit<ScopeRequest, "scope" | "mode">): Prisma.MarketWhereInput {
  const open: Prisma.MarketWhereInput[] = [{ customerGroupId: null }];
  if (customerGroupId) open.push({ customerGroupId });
  return { disabledAt: null, ...(kind === "sales_channel" && { OR: open }) };
}

type Finder<Where> = {
  findMany(query: {
    where: Where;
    select: { id: true; code: true };
  }): PromiseLike<{ id: string; code: string | null }[]>;
};

async function find<Where extends object>(table: Finder<Where>, words: Word[], where: Where): Promise<string[]> {
  if (words.length === 0) return [];
  const values = (by: Word["by"]) => words.filter((word) => word.by === by).map(({ value }) => value);
  const named = { OR: [{ id: { in: values("id") } }, { code: { in: values("code") } }] };
  // Each table has a type of its own for conditions; all of them know AND.
  const rows = await table.findMany({ where: { AND: [where, named] } as never, select: { id: true, code: true } });
  const ids = words.map(({ text, by, value }) => {
    const row = rows.find((row) => row[by] === value);
    if (!row) throw new ScopeError(`“${text.slice(0, 100)}” cannot be had.`);
    return row.id;
  });
  return [...new Set(ids)];
}

async function everyMarket(prisma: PrismaClient, request: ScopeRequest): Promise<string[]> {
  const rows = await prisma.market.findMany({
    where: { mode: request.mode, ...openTo(request) },
    select: { id: true },
    orderBy: { id: "asc" },
    take: maximumWords + 1,
  });
  // They all stand in the token, which travels in a header.
  if (rows.length > maximumWords) throw new ScopeError("There are too many markets for market:all; name those needed.");
  if (rows.length === 0) throw new ScopeError("There is no market.");
  return rows.map(({ id }) => id);
}
