import {
  type GraphQLInputType,
  getNullableType,
  isEnumType,
  isInputObjectType,
  isListType,
  isNonNullType,
  isScalarType,
} from "graphql";
import type { Dice } from "./dice.js";
import { ByVariable, type Inputs, type Mischief } from "./operation-inputs.js";

interface Variable {
  type: string;
  standard?: string;
}

/** Writes values into a document: as literals, or as variables, given in all the ways that variables can be. */
export class VariableMaker {
  /** What the request sends. */
  readonly given: Inputs = {};
  private readonly known = new Map<string, Variable>();
  private readonly same = new Map<string, string>();

  constructor(
    private readonly dice: Dice,
    private readonly mischief: Mischief,
  ) {}

  /** The definitions of the variables that a text names, such as `($first: Int = 2)`; nothing if it names none. */
  definitions(text: string): string {
    const used = new Set([...text.replaceAll(/"(\\.|[^"\\])*"/g, "").matchAll(/\$(\w+)/g)].map(([, name]) => name!));
    const written = [...used].map((name) => {
      const { type, standard } = this.known.get(name)!;
      return `$${name}: ${type}${standard === undefined ? "" : ` = ${standard}`}`;
    });
    return written.length ? `(${written.join(", ")})` : "";
  }

  /** A value where this type is expected. */
  write(value: unknown, type: GraphQLInputType, likelihood = 0.3, ofOneOf = false): string {
    if (value instanceof ByVariable) return this.wrong(value.value, type);
    if (!holdsWrong(value) && this.dice.chance(likelihood)) return this.variable(value, type, ofOneOf);
    return this.literal(value, type, likelihood / 3);
  }

  private literal(value: unknown, type: GraphQLInputType, likelihood: number): string {
    const inner = getNullableType(type);
    if (value === null || value === undefined) return "null";
    if (isListType(inner)) {
      if (!Array.isArray(value)) return this.literal(value, inner.ofType, 0);
      return `[${value.map((item) => this.write(item, inner.ofType, likelihood)).join(", ")}]`;
    }
    if (isInputObjectType(inner)) {
      const fields = inner.getFields();
      const written = Object.entries(value).map(
        ([name, own]) => `${name}: ${this.write(own, fields[name]!.type, likelihood, inner.isOneOf)}`,
      );
      return `{ ${written.join(", ")} }`;
    }
    if (isEnumType(inner)) return String(value);
    if (isScalarType(inner)) return JSON.stringify(value);
    throw new Error(`No literal of ${String(type)}`);
  }

  /** A variable for a value, with a default or without, given or not: what arrives is the value. */
  private variable(value: unknown, type: GraphQLInputType, ofOneOf: boolean): string {
    const { dice } = this;
    const [strict, loose] = [`${getNullableType(type)}!`, `${getNullableType(type)}`];
    const key = `${type} ${JSON.stringify(value)} ${ofOneOf}`;
    if (this.same.has(key) && dice.chance(0.5)) return `$${this.same.get(key)}`;
    const needed = isNonNullType(type) || ofOneOf;
    const standard = () => this.literal(value, type, 0);
    const spelled = needed ? strict : loose;
    const name = dice.either(
      [50, () => this.declare({ type: spelled }, value)],
      [12, () => this.declare({ type: value === null ? loose : strict }, value)],
      [15, () => this.declare({ type: spelled, standard: standard() })],
      [needed ? 0 : 10, () => this.declare({ type: loose, standard: "null" }, value)],
      [
        ofOneOf ? 0 : 13,
        () => this.declare({ type: loose, standard: standard() }, dice.chance(0.5) ? value : undefined),
      ],
    );
    if (isNonNullType(type) && !ofOneOf && this.mischief.take("null despite default")) {
      return `$${this.declare({ type: loose, standard: standard() }, null)}`;
    }
    if (needed && this.mischief.take("missing variable")) return `$${this.declare({ type: strict })}`;
    this.same.set(key, name);
    return `$${name}`;
  }

  /** A value that does not fit, sent all the same. */
  private wrong(value: unknown, type: GraphQLInputType): string {
    return `$${this.declare({ type: String(type) }, value)}`;
  }

  /** A variable that is not sent, where one may be absent. */
  absent(type: GraphQLInputType): string {
    return `$${this.declare({ type: String(type) })}`;
  }

  private declare(variable: Variable, value?: unknown): string {
    const name = `v${this.known.size}`;
    this.known.set(name, variable);
    if (value !== undefined) this.given[name] = value;
    return name;
  }
}

/** Whether some part of a value can be sent by a variable alone. */
function holdsWrong(value: unknown): boolean {
  if (value instanceof ByVariable) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(holdsWrong);
}
