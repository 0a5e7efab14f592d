import { type ClassType, Resolver } from "type-graphql";
import { permits } from "../access/guard.js";
import { type Permission, toRead } from "../access/permission.js";
import type { FieldOf, ModelName, RowOf, ValuesOf } from "../model/datamodel.js";
import { type ModelType, modelTypeOf, plural } from "../schema/model.js";
import type { Node } from "../schema/resource.type.js";
import { type Args, Mutates, payloadOf } from "./mutation.js";
import { type AnyRow, singular, type Write } from "./transaction.js";
import type { StateError } from "./user-error.type.js";

/** A transition: its source states and its target state. */
export interface Step<State> {
  readonly from: readonly State[];
  readonly to: State;
}

/** Whether a transition may start in a state. */
export function leadsFrom<State>({ from }: Pick<Step<State>, "from">, state: State): boolean {
  return from.includes(state);
}

/** A transition with a mutation of its own. */
export interface Move<M extends ModelName, State> {
  /** Description for the schema. */
  description: string;
  from: readonly State[];
  /** Undefined: the state stays; only a timestamp is set or cleared. */
  to?: State;
  /** Past participle of the transition, for messages: `placed`. */
  done: string;
  /** The timestamp that it sets. */
  notes?: FieldOf<M>;
  /** The timestamp that it clears. */
  takesBack?: FieldOf<M>;
  /** Reserved to the shop: from all states, or from these. */
  byShop?: true | readonly State[];
  /** Id of a demo shop row for the example. */
  example: string;
  /** Validates further preconditions and returns further column changes. */
  before?: (write: Write, row: RowOf<M>) => Promise<ValuesOf<M>>;
}

interface StateMachineOptions<M extends ModelName, State, Name extends string> {
  /** The permission to act for the shop. */
  shop: Permission;
  /** Permissions needed for the other transitions. */
  access: Permission;
  error: new (status: State, message: string) => StateError<State>;
  moves: Readonly<Record<Name, Move<M, State>>>;
}

/** State machine of a resource: its transition table. */
export class StateMachine<M extends ModelName, State extends string, Name extends string = string> {
  readonly model: ModelType;
  private readonly name: M;

  constructor(
    type: abstract new (...args: never[]) => Node<M>,
    readonly options: StateMachineOptions<M, State, Name>,
  ) {
    this.model = modelTypeOf(type);
    this.name = this.model.name as M;
  }

  /**
   * Applies a transition under a row lock, which serialises concurrent calls. Repeating it changes nothing; an illegal
   * transition aborts the write.
   */
  async move(write: Write, name: Name, id: string, version?: number | null): Promise<void> {
    const { to, notes, takesBack, before, ...move } = this.options.moves[name];
    const row = (await write.row(this.name, id, { version })) as RowOf<M> & AnyRow & { status: State };
    const isDone = to ? row.status === to : notes ? row[notes] !== null : row[takesBack!] === null;
    if (isDone) return;
    const { shop } = this.options;
    if (!leadsFrom(move, row.status)) {
      this.abort(
        write,
        row,
        `Only ${either(move.from)} ${plural(this.model.name)} can be ${move.done}; this one is ${row.status}.`,
      );
    }
    if (Array.isArray(move.byShop) && move.byShop.includes(row.status) && !permits(write.viewer, [shop])) {
      const noun = singular(this.model.name);
      this.abort(write, row, `Once it is ${row.status}, the ${noun} can be ${move.done} by the shop alone.`);
    }
    const changes = await before?.(write, row);
    write.check();
    const timestamps = { ...(notes && { [notes]: write.now() }), ...(takesBack && { [takesBack]: null }) };
    await write.update(this.name, row, { ...changes, ...timestamps, status: to } as ValuesOf<M>);
  }

  /** Aborts the write with a state error. */
  abort(write: Write, { status }: { status: State }, message: string): never {
    return write.abortWith(new this.options.error(status, message));
  }
}

/** Joins words: `a, b or c`. */
export function either(words: readonly string[]): string {
  return words.length > 1 ? `${words.slice(0, -1).join(", ")} or ${words.at(-1)}` : words.join();
}

/** Resolver class of a resource's transitions: `orderPlace(id, ifVersion)` and so on. */
export function StateMachineMutations<M extends ModelName, State extends string, Name extends string>(
  machine: StateMachine<M, State, Name>,
): ClassType {
  const { name, type } = machine.model;
  const { moves, access, shop } = machine.options;
  const field = name[0]!.toLowerCase() + name.slice(1);
  const noun = singular(name);

  @Resolver()
  class Mutations {}

  for (const [move, { description, done, byShop, example }] of Object.entries<Move<M, State>>(moves)) {
    const key = `${field}${move[0]!.toUpperCase()}${move.slice(1)}`;
    const payload = `${key[0]!.toUpperCase()}${key.slice(1)}`;
    const descriptor = {
      value: async (write: Write, { id, ifVersion }: Args) => {
        await machine.move(write, move as Name, id, ifVersion);
        return { [field]: id };
      },
      writable: true,
      configurable: true,
    };
    Object.defineProperty(Mutations.prototype, key, descriptor);
    Mutates<Args>({
      access: [byShop === true ? shop : access],
      needs: [
        { permission: toRead(name) },
        ...(Array.isArray(byShop) ? [{ permission: shop, when: `once it is ${either(byShop)}` }] : []),
      ],
      description: `${description} Idempotent: one that is already ${done} stays unchanged.`,
      errors: ["NOT_FOUND", "WRONG_STATE", "VERSION_CONFLICT"],
      example: `mutation { ${key}(id: "${example}") { ${field} { id } userErrors { code message path } } }`,
      payload: payloadOf(payload, `Result of \`${key}\`.`, {
        [field]: { description: `The current ${noun}; null when there is none.`, row: () => type },
      }),
      id: `The ${noun}.`,
      version: true,
      subject: field,
    })(Mutations.prototype, key, descriptor);
  }
  return Mutations;
}
