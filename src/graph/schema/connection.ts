import { Arg, ArgsType, type ClassType, Field, Int, ObjectType } from "type-graphql";
import { PageTooLargeError, UserInputError } from "../../errors.js";
import type { Viewer } from "../access/viewer.js";
import { encodeCursor, type OrderInput, type TotalOrder } from "../sql/order.js";
import { type ModelType, modelTypeOf, plural } from "./model.js";

export const defaultPageSize = 20;
/** Page size limits: larger for integrations, which read whole tables. */
export const maximumPageSize = { integration: 250, others: 100 } as const;
export function maximumPageSizeOf({ kind }: Viewer): number {
  return maximumPageSize[kind === "integration" ? "integration" : "others"];
}
const maximumText = `${maximumPageSize.others}, or ${maximumPageSize.integration} for integrations`;
export const maximumOffset = 10_000;

@ArgsType()
export class PageArgs {
  @Field(() => Int, {
    nullable: true,
    description: `How many from the start, or from \`after\`: 0 to ${maximumText}. Without \`first\` and \`last\`: ${defaultPageSize}.`,
  })
  first?: number | null;

  @Field(() => String, { nullable: true, description: "Returns only entries after this cursor." })
  after?: string | null;

  @Field(() => Int, {
    nullable: true,
    description: `How many from the end, or from \`before\`: 0 to ${maximumText}.`,
  })
  last?: number | null;

  @Field(() => String, { nullable: true, description: "Returns only entries before this cursor." })
  before?: string | null;

  /** The model's filter input, on lists that can be filtered. */
  filter?: object | null;
  /** The model's order input, on lists that can be sorted. */
  orderBy?: OrderInput[] | null;
  /** On lists with numbered pages. */
  offset?: number | null;
}

const argsClasses = new Map<string, ClassType<PageArgs>>();

/** The arguments of a model's lists: page, filter, sort keys and, for numbered pages, an offset. */
export function pageArgsOf(model: ModelType, numbered: boolean): ClassType<PageArgs> {
  const key = `${model.name}:${numbered}`;
  let args = argsClasses.get(key);
  if (!args) {
    args = class extends PageArgs {};
    ArgsType()(args);
    Field(() => model.filterInput, {
      nullable: true,
      description: "Filters the list. Without it, all entries are listed.",
    })(args.prototype, "filter");
    if (model.orderInput) {
      Field(() => [model.orderInput], {
        nullable: true,
        description: `Sort keys, in order of precedence. ${defaultOrderText(model)}`,
      })(args.prototype, "orderBy");
    }
    if (numbered) {
      Field(() => Int, {
        nullable: true,
        description: `How many to skip, 0 to ${maximumOffset}, for numbered pages. Use cursors to go further.`,
      })(args.prototype, "offset");
    }
    argsClasses.set(key, args);
  }
  return args;
}

function defaultOrderText({ defaultOrder }: ModelType): string {
  const keys = defaultOrder.map(({ field, direction }) => `\`${field}\`${direction === "DESC" ? ", last first" : ""}`);
  return `Default: by ${keys.join("; then by ")}. Ties are broken by id.`;
}

export interface Window {
  limit: number;
  backward: boolean;
  cursor?: { argument: "after" | "before"; value: string };
  offset: number;
}

/** Validates the pagination arguments. Null counts as absent; an empty text is an invalid cursor. */
export function windowOf({ first, after, last, before, offset }: PageArgs, maximum: number): Window {
  const backward = isGiven(last);
  if (backward && isGiven(first)) {
    throw new UserInputError(["last"], "cannot go together with `first`; give one of them.");
  }
  if (isGiven(after) && (backward || isGiven(before))) {
    throw new UserInputError(["after"], "goes with `first` alone; use `last` and `before` to go backwards.");
  }
  if (isGiven(before) && !backward) {
    throw new UserInputError(["before"], "needs `last`: how many ahead of the cursor.");
  }
  const argument = backward ? "last" : "first";
  const limit = (backward ? last : first) ?? defaultPageSize;
  if (limit < 0) throw new UserInputError([argument], `must be 0 or more, not ${limit}.`);
  if (limit > maximum) {
    throw new PageTooLargeError(argument, limit, maximum, "Use `pageInfo.endCursor` as `after` to read on.");
  }
  const skipped = offset ?? 0;
  if (skipped < 0) throw new UserInputError(["offset"], `must be 0 or more, not ${skipped}.`);
  if (skipped > maximumOffset) {
    throw new PageTooLargeError("offset", skipped, maximumOffset, "Use `pageInfo.endCursor` as `after` to go further.");
  }
  const value = after ?? before;
  if (skipped && (backward || isGiven(value))) {
    throw new UserInputError(["offset"], "goes with `first` alone, without cursors.");
  }
  return {
    limit,
    backward,
    offset: skipped,
    cursor: isGiven(value) ? { argument: backward ? "before" : "after", value } : undefined,
  };
}

function isGiven<T>(argument: T | null | undefined): argument is T {
  return argument !== undefined && argument !== null;
}

@ObjectType({ description: "Position of a page in its list." })
export class PageInfo {
  @Field(() => Boolean, { description: "Whether there are more entries after this page." })
  readonly hasNextPage!: boolean | Promise<boolean>;

  @Field(() => Boolean, { description: "Whether there are entries before this page." })
  readonly hasPreviousPage!: boolean | Promise<boolean>;

  @Field(() => String, {
    nullable: true,
    description: "Cursor of the first entry of the page; null when the page is empty.",
  })
  startCursor!: string | null;

  @Field(() => String, {
    nullable: true,
    description: "Cursor of the last entry of the page; null when the page is empty.",
  })
  endCursor!: string | null;
}

/** `more`: whether there are more rows in the direction of reading. */
export function hasNextPage<T>(window: Window, more: () => T): T | boolean {
  return window.backward ? Boolean(window.cursor) : more();
}

/** `any`: whether the list has any entries. */
export function hasPreviousPage<T>(window: Window, empty: boolean, more: () => T, any: () => T): T | boolean {
  if (window.backward) return more();
  // An empty page at an offset may be past the end of the list, or the list is empty.
  if (window.offset && empty) return any();
  return Boolean(window.cursor) || window.offset > 0;
}

/** Result of reading a page: its rows, and what its cursors and count need. */
export interface PageResult {
  model: ModelType;
  rows: readonly Record<string, unknown>[];
  order: TotalOrder;
  window: Window;
  /** Whether there are more rows in the direction of reading. An empty page needs a query. */
  more: () => boolean | Promise<boolean>;
  count: (atMost: number | undefined) => Promise<number>;
}

/** One page of a list. Cursors are encoded and rows counted only when selected. */
@ObjectType({ description: "One page of a list." })
export abstract class Connection {
  constructor(protected readonly page: PageResult) {}

  get nodes() {
    return this.page.rows;
  }

  get edges() {
    return this.page.rows.map((node) => ({ node, cursor: this.cursor(node) }));
  }

  @Field(() => PageInfo, { description: "Position of the page in the list." })
  get pageInfo(): PageInfo {
    const { rows, more, window, count } = this.page;
    return {
      get hasNextPage() {
        return hasNextPage(window, more);
      },
      get hasPreviousPage() {
        return hasPreviousPage(window, !rows.length, more, () => count(1).then((total) => total > 0));
      },
      startCursor: rows.length ? this.cursor(rows[0]!) : null,
      endCursor: rows.length ? this.cursor(rows.at(-1)!) : null,
    };
  }

  @Field(() => Int, { description: "Total number of entries that match the filter. Counted only when selected." })
  totalCount(
    @Arg("atMost", () => Int, {
      nullable: true,
      description: "Maximum to count to: a longer list returns this number. Cheaper for long lists.",
    })
    atMost?: number,
  ): Promise<number> {
    if (atMost !== undefined && atMost !== null && atMost < 0) {
      throw new UserInputError(["atMost"], `must be 0 or more, not ${atMost}.`);
    }
    return this.page.count(atMost ?? undefined);
  }

  private cursor(row: Record<string, unknown>): string {
    return encodeCursor(row, this.page.order, this.page.model.datamodel);
  }
}

const connections = new Map<ModelType, ClassType<Connection>>();

/** The connection type of a model: `CustomerConnection` with its `CustomerEdge`. */
export function connectionOf(type: abstract new (...args: never[]) => object): ClassType<Connection> {
  const model = modelTypeOf(type);
  let connection = connections.get(model);
  if (!connection) {
    const edge = class {};
    ObjectType(`${model.name}Edge`, { description: "An entry of a page." })(edge);
    Field(() => String, { description: "Cursor of the entry, for `after` and `before`." })(edge.prototype, "cursor");
    Field(() => model.type, { description: "The entry itself." })(edge.prototype, "node");

    connection = class extends Connection {};
    ObjectType(`${model.name}Connection`, { description: `One page of ${plural(model.name)}.` })(connection);
    Field(() => [edge], { description: "The entries of the page, with their cursors." })(connection.prototype, "edges");
    Field(() => [model.type], { description: "The entries of the page." })(connection.prototype, "nodes");
    connections.set(model, connection);
  }
  return connection;
}

/** An empty page, for a list that the caller may not see. */
export function emptyConnection(model: ModelType): Connection {
  const connection = connectionOf(model.type) as new (result: PageResult) => Connection;
  const window: Window = { limit: 0, backward: false, offset: 0 };
  return new connection({ model, rows: [], order: [], window, more: () => false, count: async () => 0 });
}
