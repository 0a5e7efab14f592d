import { type ClassType, Field, Float, ID, InputType, Int } from "type-graphql";
import { type Permission, permissionsText } from "../access/permission.js";
import { type ModelName, modelNamed } from "../model/datamodel.js";
import { maximumJson } from "../model/json.js";
import { DateTime, Json } from "../model/scalars.js";
import { Problem, readEmail, readJson, readNumber } from "../model/values.js";
import { readColumn, type TextReader } from "./columns.js";

export { Problem, readEmail } from "../model/values.js";

/** Rule of an input field: its type and description, and its valid values. `T` is the type of the stored value. */
export interface Rule<T = unknown> {
  readonly type: () => object;
  readonly description: string;
  /** Required on create, and can never be cleared. */
  readonly required: boolean;
  /** Generated if omitted, so it is optional but cannot be cleared; a string describes the default. */
  readonly generated?: true | string;
  /** Undefined: on create and on update. */
  readonly on?: "create" | "update";
  /** Without one of these permissions the whole mutation is rejected, naming the field. */
  readonly access?: readonly Permission[];
  /** The value is unique: setting it on create needs this permission, since `TAKEN` reveals other rows. */
  readonly unique?: Permission;
  /** Returns the value to store, null, or a `Problem`. Undefined: the check of its column. */
  check?(given: unknown): T | null | Problem;
  /** The reader of the column's texts, if its module has its own. */
  readonly form?: TextReader;
  /** The id of a resource of this model, which must exist and be visible to the caller. */
  readonly link?: ModelName;
  /** Not a column of the row: the code that uses the rule handles it. */
  readonly virtual?: true;
}

export type Rules = Readonly<Record<string, Rule>>;

type ValueOf<R> = R extends Rule<infer T> ? T : never;
/** Input type of these rules. */
export type InputOf<R extends Rules> = { [K in keyof R]?: ValueOf<R[K]> | null };
/** Validated values of an input. Null clears in an update, and equals absent on create. */
export type CheckedInput<R extends Rules, Kind extends "create" | "update"> = {
  [K in keyof R]?: ValueOf<R[K]> | (Kind extends "update" ? null : never);
};

interface Options {
  description: string;
  required?: true;
  generated?: true | string;
  on?: "create" | "update";
  access?: readonly Permission[];
  virtual?: true;
}

function rule<T>(type: () => object, options: Options, check?: (given: never) => T | null | Problem): Rule<T> {
  const { required = false, ...rest } = options;
  return { type, required, ...rest, ...(check && { check }) };
}

/** A text, checked as its column or by `form`. */
export function text(options: Options & { form?: TextReader }) {
  return rule<string>(() => String, options);
}

/** An e-mail address that is not a column of the row, normalised. */
export function email(options: Options) {
  return rule<string>(() => String, options, readEmail);
}

/** An integer, checked as its column or within its own range. */
export function integer({ range, ...options }: Options & { range?: readonly [minimum: number, maximum: number] }) {
  return rule<number>(() => Int, options, range && ((given: number) => readNumber(given, range, true)));
}

export function flag(options: Options) {
  return rule<boolean>(() => Boolean, options);
}

/** A date and time. */
export function moment(options: Options & { check?: (given: Date) => Date | Problem }) {
  const { check, ...rest } = options;
  return rule<Date>(() => DateTime, rest, check);
}

/** One of an enum's values. */
export function choice<E extends string>(type: Record<string, E>, options: Options) {
  return rule<E>(() => type, options);
}

/** A decimal number. */
export function decimal(options: Options) {
  return rule<number>(() => Float, options);
}

/** The id of another resource. */
export function link(model: ModelName, options: Options): Rule<string> {
  return { ...rule<string>(() => ID, options), link: model };
}

/** A JSON object. */
export function json(options: Options) {
  return rule<Record<string, unknown>>(() => Json, options);
}

/** Any type; `check` returns the value to use. */
export function value<T>(type: () => object, options: Options, check?: (given: never) => T | null | Problem): Rule<T> {
  return rule<T>(type, options, check);
}

@InputType({ description: "A change of metadata. Give exactly one of the fields." })
export class MetadataInput {
  @Field(() => Json, { nullable: true, description: "Replaces the whole metadata." })
  replace?: Record<string, unknown>;

  @Field(() => Json, {
    nullable: true,
    description: "Keys to add or replace; all others keep their value. Nested objects are replaced, not merged.",
  })
  merge?: Record<string, unknown>;

  @Field(() => [String], { nullable: true, description: "Keys to remove; missing keys are ignored." })
  removeKeys?: string[];
}

/** Merges a metadata change, or returns a problem; metadata that was already too long may not grow. */
export function changedMetadata(
  before: Record<string, unknown>,
  { replace, merge, removeKeys }: MetadataInput,
): Record<string, unknown> | Problem {
  const after = replace ?? { ...before, ...merge };
  const remaining = removeKeys
    ? Object.fromEntries(Object.entries(after).filter(([key]) => !removeKeys.includes(key)))
    : after;
  return readJson(remaining, Math.max(maximumJson, JSON.stringify(before).length));
}

/** Rules for the columns of a model; each checks the format of its column unless it has its own check. */
export function rulesOf<R extends Rules>(name: ModelName, rules: R): R {
  const model = modelNamed(name);
  const bound = Object.entries(rules).map(([field, rule]): [string, Rule] => {
    if (rule.check || rule.virtual || rule.link || !model.columns[field]) return [field, rule];
    return [field, { ...rule, check: (given: unknown) => readColumn(model, field, given, rule.form) }];
  });
  return Object.fromEntries(bound) as R;
}

/** Rules of every resource, on create and on update. */
export const commonRules = {
  reference: text({ description: "Id or name of the resource in an external system, such as an ERP." }),
  referenceOrigin: text({ description: "The external system that `reference` belongs to." }),
  metadata: json({ description: "Custom data of the shop: a JSON object.", on: "create" }),
} satisfies Rules;

/** Rule of a metadata change, on update. */
export const metadataChange: Rule<MetadataInput> = rule<MetadataInput>(() => MetadataInput, {
  description: "Changes of its metadata.",
  on: "update",
});

/**
 * Builds the input type of a mutation from its rules. All fields are optional except those required on create. `kind`
 * selects the rules.
 */
export function inputOf(name: string, description: string, rules: Rules, kind: "create" | "update"): ClassType {
  const input = class {};
  Object.defineProperty(input, "name", { value: name });
  InputType(name, { description })(input);
  for (const [field, { type, description: text, required, generated, on, access, unique }] of Object.entries(rules)) {
    if (on && on !== kind) continue;
    const nullable = !(required && kind === "create");
    const accessText = access ? ` Needs ${permissionsText(access)}, which sales channels lack.` : "";
    const uniqueText = unique && kind === "create" ? ` It is unique, so it needs \`${unique}\`.` : "";
    const nullText =
      kind === "create"
        ? generated
          ? ` ${generated === true ? "Made up" : generated} when absent.`
          : ""
        : required || generated
          ? " It cannot be null."
          : " Null clears it.";
    const hint = type() === MetadataInput ? "" : nullText;
    Field(type, { nullable, description: `${text}${hint}${uniqueText}${accessText}` })(input.prototype, field);
  }
  return input;
}

/** The rules of one kind of write. */
export function rulesFor(rules: Rules, kind: "create" | "update"): [string, Rule][] {
  return Object.entries(rules).filter(([, { on }]) => !on || on === kind);
}
