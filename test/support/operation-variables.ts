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
import { ByVariable, type FaultInjector, type Inputs } from "./operation-inputs.js";

interface Variable {
  type: string;
  defaultValue?: string;
}

/** Writes values into a document as literals or as variables, with and without defaults. */
export class VariableMaker {
  /** What the request sends. */
  readonly values: Inputs = {};
  private readonly declared = new Map<string, Variable>();
  private readonly reusable = new Map<string, string>();

  constructor(
    private readonly dice: Dice,
    private readonly injector: FaultInjector,
  ) {}

  /** The definitions of the variables that a text uses, such as `($first: Int = 2)`; empty if it uses none. */
  definitions(text: string): string {
    const used = new Set([...text.replaceAll(/"(\\.|[^"\\])*"/g, "").matchAll(/\$(\w+)/g)].map(([, name]) => name!));
    const written = [...used].map((name) => {
      const { type, defaultValue } = this.declared.get(name)!;
      return `$${name}: ${type}${defaultValue === undefined ? "" : ` = ${defaultValue}`}`;
    });
    return written.length ? `(${written.join(", ")})` : "";
  }

  /** A value where this type is expected. */
  write(value: unknown, type: GraphQLInputType, likelihood = 0.3, ofOneOf = false): string {
    if (value instanceof ByVariable) return this.invalid(value.value, type);
    if (!containsInvalid(value) && this.dice.chance(likelihood)) return this.variable(value, type, ofOneOf);
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
        ([name, fieldValue]) => `${name}: ${this.write(fieldValue, fields[name]!.type, likelihood, inner.isOneOf)}`,
      );
      return `{ ${written.join(", ")} }`;
    }
    if (isEnumType(inner)) return String(value);
    if (isScalarType(inner)) return JSON.stringify(value);
    throw new Error(`No literal of ${String(type)}`);
  }

  /** A variable that evaluates to `value`: with or without a default, provided or not. */
  private variable(value: unknown, type: GraphQLInputType, ofOneOf: boolean): string {
    const { dice } = this;
    const [strict, loose] = [`${getNullableType(type)}!`, `${getNullableType(type)}`];
    const key = `${type} ${JSON.stringify(value)} ${ofOneOf}`;
    if (this.reusable.has(key) && dice.chance(0.5)) return `$${this.reusable.get(key)}`;
    const needed = isNonNullType(type) || ofOneOf;
    const defaultValue = () => this.literal(value, type, 0);
    const spelled = needed ? strict : loose;
    const name = dice.either(
      [50, () => this.declare({ type: spelled }, value)],
      [12, () => this.declare({ type: value === null ? loose : strict }, value)],
      [15, () => this.declare({ type: spelled, defaultValue: defaultValue() })],
      [needed ? 0 : 10, () => this.declare({ type: loose, defaultValue: "null" }, value)],
      [
        ofOneOf ? 0 : 13,
        () => this.declare({ type: loose, defaultValue: defaultValue() }, dice.chance(0.5) ? value : undefined),
      ],
    );
    if (isNonNullType(type) && !ofOneOf && this.injector.inject("null despite default")) {
      return `$${this.declare({ type: loose, defaultValue: defaultValue() }, null)}`;
    }
    if (needed && this.injector.inject("missing variable")) return `$${this.declare({ type: strict })}`;
    this.reusable.set(key, name);
    return `$${name}`;
  }

  /** Sends an invalid value by a variable. */
  private invalid(value: unknown, type: GraphQLInputType): string {
    return `$${this.declare({ type: String(type) }, value)}`;
  }

  /** A variable without a value, for a nullable type. */
  absent(type: GraphQLInputType): string {
    return `$${this.declare({ type: String(type) })}`;
  }

  private declare(variable: Variable, value?: unknown): string {
    const name = `v${this.declared.size}`;
    this.declared.set(name, variable);
    if (value !== undefined) this.values[name] = value;
    return name;
  }
}

/** Whether a value contains one that only a variable can send. */
function containsInvalid(value: unknown): boolean {
  if (value instanceof ByVariable) return true;
  return typeof value === "object" && value !== null && Object.values(value).some(containsInvalid);
}
